import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { crc32c } from '@node-rs/crc32'
import tap from 'tap'
import type { DamagedBatch } from '../../platform/adapters/kafka/records/decode.ts'
import { type Bytes, type Compression, encodeRecordSet, type PlainMessage } from '../../platform/adapters/kafka/records/encode.ts'
import { onDamagedBatch, speedUpRecords } from '../../platform/adapters/kafka/records/speed-up.ts'

interface Encoded {
  readonly buffer: Buffer
}
interface Order {
  readonly acks: number
  readonly timeout: number
  readonly compression: number
  readonly transactionalId?: string
  readonly topicData: readonly object[]
}
type Protocol = (order: Order) => { readonly request: { encode(): Promise<Encoded> } }

const require = createRequire(import.meta.url)
const V3 = 'kafkajs/src/protocol/requests/produce/v3/request'
const theirs: (order: Order) => { encode(): Promise<Encoded> } = require(V3)
speedUpRecords()
const ours: Protocol = require('kafkajs/src/protocol/requests/produce').protocol({ version: 7 })

const order = (messages: readonly object[], changed: Partial<Order> = {}): Order => ({
  acks: -1,
  timeout: 5_000,
  compression: 0,
  topicData: [
    { topic: 'readings.v1', partitions: [0, 3].map((partition) => ({ partition, messages })) },
    { topic: 'résumé', partitions: [{ partition: 1, messages: messages.slice(0, 1) }] },
  ],
  ...changed,
})

/** Both at the same millisecond, which is in the bytes. */
async function bothWays(one: Order): Promise<readonly [Buffer, Buffer]> {
  const now = Date.now
  Date.now = () => 1_764_000_000_123
  try {
    return [(await ours(one).request.encode()).buffer, (await theirs(one).encode()).buffer]
  } finally {
    Date.now = now
  }
}

const sizes = [0, 1, 50, 63, 64, 65, 8_191, 8_192, 1_048_575, 1_048_576]
const ROUND = { key: 'acme/gw-1', value: Buffer.from('{"readings":[]}') }
const CASES: Readonly<Record<string, readonly PlainMessage[]>> = {
  'one message': [ROUND],
  'more messages than one byte counts': Array.from({ length: 9_000 }, () => ROUND),
  'values of every length that changes the format': sizes.map((size) => ({
    key: 'k'.repeat(size % 300),
    value: Buffer.alloc(size, 7),
  })),
  'keys that are not ASCII': [{ key: 'Ω/größe', value: Buffer.from('x') }],
  'no key, no value': [{ value: null }, { key: null, value: Buffer.of(1) }, { key: Buffer.of(1, 2), value: 'text' }],
  headers: [
    { ...ROUND, headers: { 'millrace.reason': 'payload.not-json', größe: 'é', empty: '' } },
    { ...ROUND, headers: {} },
  ],
}

for (const [name, messages] of Object.entries(CASES)) {
  tap.test(`a Produce request is byte for byte what kafkajs writes: ${name}`, async (t) => {
    const [mine, kafkajs] = await bothWays(order(messages))
    t.ok(mine.equals(kafkajs), 'without compression')
    const [packed, kafkajsPacked] = await bothWays(order(messages, { compression: 1 }))
    t.ok(packed.equals(kafkajsPacked), 'gzip')
  })
}

tap.test('what we never send is left to kafkajs', async (t) => {
  const own = order([{ ...ROUND, timestamp: '1764000000000' }])
  const listed = order([{ ...ROUND, headers: { one: ['a', 'b'] } }])
  const transaction = order([ROUND], { transactionalId: 'pay' })
  for (const one of [own, listed, transaction]) {
    const [mine, kafkajs] = await bothWays(one)
    t.ok(mine.equals(kafkajs))
  }
})

interface Read {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | null>>
  readonly isControlRecord: boolean
}
interface Decoder {
  readonly offset: number
}
const DecoderOf: new (bytes: Buffer) => Decoder = require('kafkajs/src/protocol/decoder')
const readFetched: (
  decoder: Decoder,
) => Promise<readonly Read[]> = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages')

const NO_COMPRESSION = undefined
const GZIP: Compression = { id: 1, compress: async (bytes) => gzipSync(bytes) }
const SET_LENGTH_BYTES = 4

/** As a broker answers: the offsets are its own. */
async function fetched(sets: readonly Promise<Buffer>[]): Promise<Buffer> {
  const batches = await Promise.all(sets)
  let offset = 0
  for (const batch of batches) {
    batch.writeBigInt64BE(BigInt(offset), 0)
    offset += batch.readInt32BE(57)
  }
  const all = Buffer.concat(batches)
  const length = Buffer.alloc(SET_LENGTH_BYTES)
  length.writeInt32BE(all.length)
  return Buffer.concat([length, all])
}

const NOW_MS = 1_764_000_000_123
const seen = ({ key, value, headers }: Read) => ({
  key: key?.toString() ?? null,
  value: value?.toString('hex') ?? null,
  headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
})
const text = (bytes: Bytes): string | null => (bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString())
const written = ({ key, value, headers }: PlainMessage) => ({
  key: text(key),
  value: value === null || value === undefined ? null : Buffer.from(value).toString('hex'),
  headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, one]) => [name, text(one)])),
})

for (const [name, messages] of Object.entries(CASES)) {
  tap.test(`what is written is read again: ${name}`, async (t) => {
    for (const codec of [NO_COMPRESSION, GZIP]) {
      const bytes = await fetched([encodeRecordSet(messages, NOW_MS, codec), encodeRecordSet(messages, NOW_MS, codec)])
      const records = await readFetched(new DecoderOf(bytes))
      t.same(records.map(seen), [...messages, ...messages].map(written))
      t.ok(records.every(({ offset, timestamp }, index) => offset === index && timestamp === NOW_MS))
    }
  })
}

tap.test('a fetch that ends within a batch gives what is whole', async (t) => {
  const bytes = await fetched([encodeRecordSet([ROUND], NOW_MS), encodeRecordSet([ROUND, ROUND], NOW_MS)])
  for (let cut = 1; cut < 40; cut++) {
    const short = Buffer.from(bytes.subarray(0, bytes.length - cut))
    short.writeInt32BE(short.length - SET_LENGTH_BYTES)
    t.equal((await readFetched(new DecoderOf(short))).length, 1, `${cut} bytes short`)
  }
})

tap.test('the encoder and the decoder are ours', async (t) => {
  t.not(require(V3), theirs)
  t.match(String(require('kafkajs/src/protocol/recordBatch/v0/decoder')), /decodeRecordSet/)
})

tap.test('a batch of which a single bit has changed is told of and never read; what lies in front of it is', async (t) => {
  const told: DamagedBatch[] = []
  onDamagedBatch((damage) => void told.push(damage))
  t.teardown(() => onDamagedBatch(() => undefined))
  const two = await fetched([encodeRecordSet([ROUND], NOW_MS), encodeRecordSet([ROUND], NOW_MS)])
  two[two.length - 1] = 1
  t.equal((await readFetched(new DecoderOf(two))).length, 1)
  t.equal(told.pop()?.firstOffset, 1)
  const bytes = await fetched([encodeRecordSet([ROUND], NOW_MS)])
  for (let at = SET_LENGTH_BYTES + 17; at < bytes.length; at += 5) {
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] ?? 0) ^ 0x10
    t.same(await readFetched(new DecoderOf(damaged)), [], `byte ${at}`)
    t.equal(told.pop()?.firstOffset, 0)
  }
})

tap.test('times and transactions are read as kafkajs reads them', async (t) => {
  const set = await encodeRecordSet([ROUND], NOW_MS)
  const stamped = Buffer.from(set)
  stamped.writeInt16BE(0x8 | 0x10 | 0x20, 21)
  stamped.writeBigInt64BE(BigInt(NOW_MS + 5), 35)
  stamped.writeUInt32BE(crc32c(stamped.subarray(21)), 17)
  const [record] = await readFetched(new DecoderOf(await fetched([Promise.resolve(stamped)])))
  t.match(record, { timestamp: NOW_MS + 5, isControlRecord: true, batchContext: { inTransaction: true, producerId: '-1' } })
})
