import { constants, deflateRawSync, gzipSync } from 'node:zlib'
import { MESSAGE_BYTES_MAX, READINGS_MAX } from '../../../schemas/message.ts'
import { bytesOf, messageOf, NOW_MS } from './message.ts'

const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])

/** All counts and sizes below are those of the largest message; this makes smaller ones of the same kinds. */
let scale = 1
const scaled = (count: number): number => Math.ceil(count * scale)

const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: scaled(count) }, (_, index) => text(index)).join(',')
const values = (count: number, pair: (index: number) => string): string => `{${times(count, pair)}}`
const timed = (index: number, members: string): string => `{"sensor":"press-${index}","ts":${NOW_MS - index},${members}}`

/** As many readings as a message may have, and 1 MiB holds. */
function fill(reading: (index: number) => string): string {
  let count: number = READINGS_MAX
  for (;;) {
    const text = messageOf(...Array.from({ length: count }, (_, index) => reading(index)))
    if (text.length <= MESSAGE_BYTES_MAX * scale) return text
    count = Math.floor((count * MESSAGE_BYTES_MAX * scale) / text.length) - 1
  }
}

/** What an attacker who knows the code would send: each is as large as it may be, and asks much of one step. */
const TEXTS: Readonly<Record<string, () => string>> = {
  '5,000 readings of 4 values': () =>
    fill((index) => timed(index, `"values":${values(4, (m) => `"metric_${m}":${index + m / 8}`)}`)),
  '4,400 readings of 10 values': () =>
    fill((index) => timed(index, `"values":${values(10, (m) => `"metric_${m}":${index + m / 8}`)}`)),
  '256 values a reading': () => fill((index) => timed(index, `"values":${values(256, (m) => `"m${m}":1`)}`)),
  'each value bad': () => fill((index) => timed(index, `"values":${values(4, (m) => `"metric_${m}":"x"`)}`)),
  'the last of many values bad': () =>
    fill((index) => timed(index, `"values":${values(10, (m) => `"metric_${m}":${m === 9 ? 'null' : m}`)}`)),
  'every second reading bad': () =>
    fill((index) => timed(index, `"values":${values(10, (m) => `"metric_${m}":${index % 2 && m === 9 ? '"x"' : m / 8}`)}`)),
  'each time in seconds': () => fill((index) => `{"sensor":"press-${index}","ts":1764000000,"values":{"m":1}}`),
  'each time far ahead': () => fill(() => '{"sensor":"a","ts":1e300,"values":{"m":1}}'),
  'each sensor name bad': () => fill(() => `{"sensor":"${'a'.repeat(180)}","values":{"m":1}}`),
  'each metric name bad and long': () => fill(() => `{"sensor":"a","values":{"${'A'.repeat(170)}":1}}`),
  'each metric name bad and its own': () =>
    fill((index) => timed(index, `"values":${values(8, (m) => `"${m === 7 ? 'B' : 'b'}${index}_${m}":1`)}`)),
  'each metric name its own': () => fill((index) => timed(index, `"values":${values(12, (m) => `"m${index}_${m}":1`)}`)),
  '4,000 metric names, 12 a reading': () =>
    fill((index) => timed(index, `"values":${values(12, (m) => `"m${(index * 12 + m) % 4_000}":1`)}`)),
  '4,000 bad metric names, 12 a reading': () =>
    fill((index) => timed(index, `"values":${values(12, (m) => `"M${(index * 12 + m) % 4_000}":1`)}`)),
  'one object of 90,000 keys': () => messageOf(`{"sensor":"a","values":${values(80_000, (m) => `"m${m}":1`)}}`),
  'objects of 4,000 keys': () => messageOf(times(20, () => `{"sensor":"a","values":${values(4_000, (m) => `"m${m}":1`)}}`)),
  'objects of 4,000 unknown keys': () => messageOf(times(20, () => `{"sensor":"a","x":${values(4_000, (m) => `"K${m}":{}`)}}`)),
  'keys that look like indexes': () => messageOf(`{"values":${values(4_000, (m) => `"${(m * 77_777_777) % 4_294_967_295}":1`)}}`),
  'one key, 74,000 times': () => `{${times(74_000, () => '"readings":[]')}}`,
  '5,000 empty readings': () => messageOf(times(5_000, () => '{}')),
  '350,000 empty readings': () => messageOf(times(349_000, () => '{}')),
  'a reading of 350,000 objects': () => messageOf(`{"sensor":"a","values":[${times(349_000, () => '{}')}]}`),
  'a reading of 130,000 objects with a key': () => messageOf(`{"x":[${times(130_000, () => '{"a":1}')}]}`),
  'readings of 66 objects': () => messageOf(times(4_999, () => `[${times(66, () => '{}')}]`)),
  '340,000 empty arrays': () => `[${times(340_000, () => '[]')}]`,
  'only [': () => '['.repeat(scaled(MESSAGE_BYTES_MAX)),
  'only {"a":': () => '{"a":'.repeat(scaled(MESSAGE_BYTES_MAX / 5)),
  'only " and :': () => `"${'x'.repeat(scaled(MESSAGE_BYTES_MAX / 2))}"${':'.repeat(scaled(MESSAGE_BYTES_MAX / 2 - 2))}`,
  'one string of \\u0041': () => `{"readings":"${'\\u0041'.repeat(scaled(174_000))}"}`,
  'one string of \\n': () => `{"readings":"${'\\n'.repeat(scaled(520_000))}"}`,
  'one bad metric name of quotes': () => messageOf(`{"sensor":"a","values":{"${'\\"'.repeat(scaled(520_000))}":1}}`),
  'one unknown key of control characters': () => messageOf(`{"sensor":"a","${'\\u0001'.repeat(scaled(174_000))}":1}`),
  'one string of emoji': () => `{"readings":"${'😀'.repeat(scaled(260_000))}"}`,
  'a number of 1,000,000 digits': () => messageOf(`{"sensor":"a","values":{"m":${'1'.repeat(scaled(1_000_000))}}}`),
  'a fraction of 1,000,000 digits': () => messageOf(`{"sensor":"a","values":{"m":0.${'1'.repeat(scaled(1_000_000))}}}`),
  'numbers of 800 digits': () =>
    fill(() => `{"sensor":"a","values":{"m":0.${'0'.repeat(300)}${'24703282292062327208'.repeat(25)}}}`),
  'numbers halfway between two floats': () =>
    fill(() => `{"sensor":"a","values":${values(250, (m) => `"m${m}":9007199254740993e${(m % 200) - 100}`)}}`),
  'numbers that grow when written anew': () =>
    fill((index) => timed(index, `"values":${values(20, (m) => `"m${m}":${index === 0 ? 'null' : '1e20'}`)}`)),
  'sound but for its last byte': () =>
    fill((index) => timed(index, `"values":${values(10, (m) => `"metric_${m}":${m / 8}`)}`)).slice(0, -1),
  'only spaces': () => `${' '.repeat(scaled(MESSAGE_BYTES_MAX - 2))}{}`,
}

function repeatBlock(block: Buffer): Buffer {
  return Buffer.concat([GZIP_HEADER, ...Array<Buffer>(Math.floor((scaled(MESSAGE_BYTES_MAX) - 30) / block.length)).fill(block)])
}

const BYTES: Readonly<Record<string, () => Buffer>> = {
  'a gzip bomb of 200 MiB': () => gzipSync(Buffer.alloc(scaled(200 * 1_048_576))),
  'gzip of 52,000 empty members': () => Buffer.concat(Array<Buffer>(scaled(52_000)).fill(gzipSync(''))),
  'gzip of empty stored blocks': () => repeatBlock(Buffer.from([0, 0, 0, 0xff, 0xff])),
  'gzip of empty flushes': () => repeatBlock(deflateRawSync('', { finishFlush: constants.Z_SYNC_FLUSH })),
  'gzip with a name of 1 MiB': () =>
    Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(scaled(MESSAGE_BYTES_MAX) - 20, 0x41)]),
  'UTF-8 but for its last byte': () => Buffer.concat([Buffer.alloc(scaled(MESSAGE_BYTES_MAX) - 1, 'é'), Buffer.from([0xff])]),
}

/** Every payload by name, at this share of the largest size; each text also as gzip, which holds more of it than its size shows. */
export function* costlyPayloads(share: number): Generator<readonly [name: string, payload: Buffer]> {
  scale = share
  for (const [name, text] of Object.entries(TEXTS)) {
    const plain = bytesOf(text())
    yield [name, plain]
    yield [`${name}, gzip`, gzipSync(plain)]
  }
  for (const [name, bytes] of Object.entries(BYTES)) yield [name, bytes()]
}
