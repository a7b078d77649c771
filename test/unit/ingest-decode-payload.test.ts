// Goal: whatever bytes a gateway sends, they become a JSON value or one reason why not, within named bounds.
// Method: bytes made by hand for each rule, and random ones by fast-check, which prints its seed.
import assert from 'node:assert/strict'
import { constants, deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { decodePayload } from '../../ingest/decode-payload.ts'
import { DEPTH_MAX, MESSAGE_BYTES_MAX, NAMES_MAX } from '../../schemas/message.ts'
import { isReason } from '../../schemas/rejection.ts'
import { bytesOf } from './ingest/message.ts'

function outcomeOf(payload: Uint8Array) {
  const result = decodePayload(payload)
  return result.ok ? { value: result.decoded.value } : { reason: result.fault.reason }
}

const ofText = (text: string) => outcomeOf(bytesOf(text))
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])

t.test('every JSON value comes out as it went in, plain and gzipped', async () => {
  // V8 may read an escaped key as another one that holds a backslash and was parsed before (nodejs/node#63785); no name has a backslash.
  const text = fc.json({ maxDepth: DEPTH_MAX - 2, stringUnit: 'binary' }).filter((json) => !json.includes('\\\\'))
  fc.assert(
    fc.property(text, fc.boolean(), (json, isZipped) => {
      assert.deepEqual(outcomeOf(isZipped ? gzipSync(json) : bytesOf(json)), { value: JSON.parse(json) })
    }),
  )
})

t.test('any bytes at all give a value or a reason of the closed list, and never an exception', async () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  const zipped = bytes.map((tail) => Buffer.concat([GZIP_HEADER, tail]))
  const broken = fc.tuple(fc.json(), fc.nat(), fc.nat({ max: 255 })).map(([text, at, byte]) => {
    const copy = gzipSync(text)
    copy[at % copy.length] = byte
    return copy
  })
  fc.assert(
    fc.property(fc.oneof(bytes, zipped, broken), (payload) => {
      const result = decodePayload(payload)
      assert.ok(result.ok || isReason(result.fault.reason))
    }),
    { numRuns: 500 },
  )
})

t.test('nothing is told from nothing inside of gzip', async (t) => {
  t.same(outcomeOf(Buffer.alloc(0)), { reason: 'payload.empty' })
  t.same(outcomeOf(gzipSync('')), { reason: 'payload.empty' })
  t.same(ofText(' '), { reason: 'payload.not-json' })
})

t.test('a payload may have exactly 1 MiB, before and after inflating', async (t) => {
  const padded = (size: number): Buffer => Buffer.concat([Buffer.alloc(size - 2, ' '), bytesOf('{}')])
  t.same(outcomeOf(padded(MESSAGE_BYTES_MAX)), { value: {} })
  t.same(outcomeOf(padded(MESSAGE_BYTES_MAX + 1)), { reason: 'payload.too-large' })
  t.same(outcomeOf(gzipSync(padded(MESSAGE_BYTES_MAX))), { value: {} })
  t.same(outcomeOf(gzipSync(padded(MESSAGE_BYTES_MAX + 1))), { reason: 'payload.too-large' })
})

t.test('a bomb is refused before it has taken memory', async (t) => {
  const bomb = gzipSync(Buffer.alloc(256 * 1_048_576))
  const beforeBytes = process.memoryUsage().arrayBuffers
  t.same(outcomeOf(bomb), { reason: 'payload.too-large' })
  t.ok(process.memoryUsage().arrayBuffers - beforeBytes < 8 * 1_048_576, 'less than 8 MiB were taken')
  t.same(outcomeOf(Buffer.concat([gzipSync('[1]'), bomb])), { reason: 'payload.too-large' }, 'also in the second member')
})

t.test('gzip in several members is one text; a broken one is not gzip', async (t) => {
  t.same(outcomeOf(Buffer.concat([gzipSync('{"a"'), gzipSync(':'), gzipSync(''), gzipSync('1}')])), { value: { a: 1 } })
  t.same(outcomeOf(Buffer.concat([gzipSync('{}'), Buffer.alloc(9)])), { value: {} }, 'zeros behind it are padding')
  const whole = gzipSync('{"a":1}')
  for (const [name, payload] of Object.entries({
    'without its end': whole.subarray(0, -1),
    'with another checksum': Buffer.concat([whole.subarray(0, -8), Buffer.alloc(8, 7)]),
    'with rubbish behind it': Buffer.concat([whole, bytesOf('rubbish')]),
    'a header alone': GZIP_HEADER,
    'its first two bytes alone': GZIP_HEADER.subarray(0, 2),
    'an unknown method': Buffer.concat([Buffer.from([0x1f, 0x8b, 9]), whole.subarray(3)]),
    'deflate blocks that never end': Buffer.concat([GZIP_HEADER, deflateRawSync('{}', { finishFlush: constants.Z_SYNC_FLUSH })]),
  }))
    t.same(outcomeOf(payload), { reason: 'payload.gzip-invalid' }, name)
  t.same(outcomeOf(gzipSync(whole)), { reason: 'payload.not-utf8' }, 'zipped twice')
})

t.test('text is UTF-8 as RFC 3629 has it', async (t) => {
  const sequences: Readonly<Record<string, readonly number[]>> = {
    'an overlong slash': [0xc0, 0xaf],
    'an overlong NUL': [0xc0, 0x80],
    'a surrogate': [0xed, 0xa0, 0x80],
    'a pair of surrogates, each on its own (CESU-8)': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
    'beyond U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
    'a continuation without a start': [0x80],
    'a start without its continuation': [0xe2, 0x82],
    'Latin-1': [0xe9],
  }
  for (const [name, sequence] of Object.entries(sequences))
    t.same(outcomeOf(Buffer.from([0x22, ...sequence, 0x22])), { reason: 'payload.not-utf8' }, name)
  t.same(outcomeOf(Buffer.from('{"a":1}', 'utf16le')), { reason: 'payload.not-json' }, 'UTF-16 without a mark')
  t.same(ofText('"\u{10ffff} \uffff"'), { value: '\u{10ffff} \uffff' })
})

t.test('JSON is what RFC 8259 says, and nothing more', async (t) => {
  for (const text of [
    'NaN',
    '[Infinity]',
    '{"a":NaN}',
    "{'a':1}",
    '{a:1}',
    '[1,]',
    '01',
    '1.',
    '.5',
    '+1',
    '0x10',
    '{}{}',
    '// c\n1',
  ])
    t.same(ofText(text), { reason: 'payload.not-json' }, text)
  t.same(ofText('"a\nb"'), { reason: 'payload.not-json' }, 'a raw line break in a string')
  t.same(ofText('\ufeff{}'), { reason: 'payload.not-json' }, 'a byte order mark')
  t.same(ofText('"\0"'), { reason: 'payload.not-json' }, 'a raw U+0000')
  t.same(ofText('"\\u0000\\ud800"'), { value: '\0\ud800' }, 'escapes may name any code unit')
})

t.test('numbers are the nearest float64', async (t) => {
  t.same(ofText('[1e400,-1e400]'), { value: [Infinity, -Infinity] }, 'an overflow is left to the schema')
  t.ok(Object.is(ofText('-0').value, -0))
  t.same(ofText('9007199254740993'), { value: 9_007_199_254_740_992 })
  t.same(ofText('1e-400'), { value: 0 })
  t.same(ofText(`0.${'0'.repeat(500)}1e501`), { value: 1 })
})

t.test('nesting is bounded, in strings it is none', async (t) => {
  const nest = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
  t.same(ofText(nest(DEPTH_MAX)), { value: JSON.parse(nest(DEPTH_MAX)) })
  t.same(ofText(nest(DEPTH_MAX + 1)), { reason: 'payload.too-deep' })
  t.same(ofText('{"a":'.repeat(DEPTH_MAX + 1)), { reason: 'payload.too-deep' })
  t.same(ofText(JSON.stringify(nest(1_000))), { value: nest(1_000) })
  t.same(ofText('['.repeat(MESSAGE_BYTES_MAX)), { reason: 'payload.too-deep' })
})

t.test('a payload may name so many different keys, and each as often as it likes', async (t) => {
  const object = (names: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: names }, (_, n) => [`k${n}`, n])))
  t.match(decodePayload(bytesOf(object(NAMES_MAX))), { ok: true, decoded: { keys: NAMES_MAX } })
  t.same(ofText(object(NAMES_MAX + 1)), { reason: 'payload.too-many-names' })
  const repeated = `[${Array(50)
    .fill(object(NAMES_MAX / 4))
    .join(',')}]`
  t.match(decodePayload(bytesOf(repeated)), { ok: true, decoded: { keys: (50 * NAMES_MAX) / 4 } })
})

t.test('a doubled key is counted, however it is spelled', async (t) => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"\\u0061":1,"\\u0061":2}',
    '{"a":{"b":1,"c":{}},"\\u0061":":"}',
  ]) {
    const keys = text.includes('"b"') ? 4 : 2
    t.match(decodePayload(bytesOf(text)), { ok: true, decoded: { keys } }, text)
  }
})
