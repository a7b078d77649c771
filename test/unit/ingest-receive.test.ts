// Goal: what becomes of a message depends on its bytes and the time alone; what is kept is kept bit for bit, and what is refused is kept as it came.
// Method: random readings with every kind of float64, sound and mixed with faulty ones, read back from the records.
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { receive } from '../../ingest/receive.ts'
import type { NewRecord } from '../../platform/ports/event-log.ts'
import { decodeEnvelope } from '../../schemas/envelope.ts'
import { REJECTION_HEADERS } from '../../schemas/rejection.ts'
import { bytesOf, FROM, messageOf, NOW_MS, readingText, receiveText, WINDOW } from './ingest/message.ts'

const float = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 0, 5e-324, -5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 1e21, 1e-7, 0.1 + 0.2, 2 ** 53, 1e20),
)
const values = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/), float, { minKeys: 1, maxKeys: 6, noNullPrototype: true })
const reading = fc.record(
  {
    sensor: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,12}$/),
    values,
    ts: fc.integer({ min: NOW_MS - WINDOW.retentionMs, max: NOW_MS + WINDOW.aheadMs }),
    quality: fc.constantFrom('good', 'uncertain', 'bad', 'estimated'),
    seq: fc.nat(),
  },
  { requiredKeys: ['sensor', 'values'], noNullPrototype: true },
)
type Sent = typeof reading extends fc.Arbitrary<infer R> ? R : never

/** As JSON, with -0. */
function textOf({ values, ...rest }: Sent): string {
  const pairs = Object.entries(values).map(([metric, value]) => `"${metric}":${Object.is(value, -0) ? '-0' : value}`)
  return `${JSON.stringify(rest).slice(0, -1)},"values":{${pairs.join(',')}}}`
}

function payloadOf(record: NewRecord | undefined): string {
  const envelope = record && decodeEnvelope(record.value)
  assert.ok(envelope !== undefined && envelope.codec === 'json' && envelope.receivedMs === NOW_MS)
  return Buffer.from(envelope.payload).toString('utf8')
}

function bitsOf(readings: readonly Sent[]) {
  return readings.map(({ values, ...rest }) => ({
    ...rest,
    values: Object.entries(values).map(([metric, value]) => [metric, Buffer.from(Float64Array.of(value).buffer).toString('hex')]),
  }))
}

t.test('a sound message goes on with the very bytes that were sent', async () => {
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 5 }), fc.boolean(), (readings, isZipped) => {
      const text = ` ${messageOf(...readings.map(textOf))}`
      const { records, accepted, faults } = receive(FROM, isZipped ? gzipSync(text) : bytesOf(text), NOW_MS, WINDOW)
      assert.deepEqual({ accepted, faults, records: records.length }, { accepted: readings.length, faults: [], records: 1 })
      assert.equal(records[0]?.topic, 'readings.v1')
      assert.equal(records[0]?.key, 'acme/gw-1')
      assert.equal(payloadOf(records[0]), text)
    }),
  )
})

t.test('the sound readings of a mixed message are written anew, bit for bit', async () => {
  const bad = fc.constantFrom('null', '{}', readingText({ values: '{"m":null}' }), readingText({ ts: '5' }))
  const mixed = fc.array(fc.oneof(reading, bad), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(mixed, fc.boolean(), (items, isZipped) => {
      const sound = items.filter((item) => typeof item !== 'string')
      const text = messageOf(...items.map((item) => (typeof item === 'string' ? item : textOf(item))), 'null')
      const payload = isZipped ? gzipSync(text) : bytesOf(text)
      const { records, accepted, faults } = receive(FROM, payload, NOW_MS, WINDOW)
      assert.deepEqual([accepted, faults.length], [sound.length, items.length + 1 - sound.length])
      assert.deepEqual(records.at(-1)?.value, payload)
      assert.equal(records.length, sound.length === 0 ? 1 : 2)
      if (sound.length > 0) assert.deepEqual(bitsOf(JSON.parse(payloadOf(records[0])).readings), bitsOf(sound))
    }),
    { numRuns: 300 },
  )
})

t.test('the same bytes at the same time give the same records', async () => {
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.array(reading, { maxLength: 4 }).map((readings) => bytesOf(messageOf(...readings.map(textOf), 'null'))),
  )
  fc.assert(
    fc.property(payload, (bytes) => {
      const copy = Buffer.from(bytes)
      const first = receive(FROM, Buffer.from(bytes), NOW_MS, WINDOW)
      assert.deepEqual(receive(FROM, copy, NOW_MS, WINDOW), first)
      assert.ok(copy.equals(bytes), 'the payload is as it was')
    }),
  )
})

t.test('a refused message is kept with its bytes, and says why in its headers', async (t) => {
  const bytes = Buffer.from([0x22, 0xff, 0x00])
  const { records, accepted, sizeBytes } = receive(FROM, bytes, NOW_MS, WINDOW)
  t.equal(accepted, 0)
  t.same(
    records.map(({ topic, key, value }) => [topic, key, Buffer.from(value)]),
    [['rejected.v1', 'acme/gw-1', bytes]],
  )
  const fault = { reason: 'payload.not-utf8', pointer: '', detail: 'an invalid byte sequence' }
  t.same(records[0]?.headers, {
    [REJECTION_HEADERS.reason]: fault.reason,
    [REJECTION_HEADERS.pointer]: fault.pointer,
    [REJECTION_HEADERS.faults]: JSON.stringify([fault]),
    [REJECTION_HEADERS.attempts]: '1',
    [REJECTION_HEADERS.receivedMs]: String(NOW_MS),
    [REJECTION_HEADERS.topic]: 'v1/acme/gw-1/readings',
    [REJECTION_HEADERS.stage]: 'ingest',
    [REJECTION_HEADERS.message]: fault.detail,
  })
  const headers = Object.values(records[0]?.headers ?? {}).join('')
  t.equal(sizeBytes, bytes.length + headers.length, 'the size counts the headers as well')
})

t.test('the headers of a message with a fault in each of 5,000 readings name each, and stay under 1 MiB', async (t) => {
  const { records, faults } = receiveText(messageOf(...Array(5_000).fill(readingText({ ts: '1764000000' }))))
  const listed = JSON.parse(records[0]?.headers?.[REJECTION_HEADERS.faults] ?? '[]')
  t.equal(faults.length, 5_000)
  t.same(
    listed.map(({ pointer }: { pointer: string }) => pointer),
    Array.from({ length: 5_000 }, (_, index) => `/readings/${index}/ts`),
  )
  t.ok((records[0]?.headers?.[REJECTION_HEADERS.faults]?.length ?? Infinity) < 1_048_576)
})
