// Goal: an envelope comes back as it was written; bytes that are no envelope are told from one.
// Method: random envelopes there and back, random and damaged bytes.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decodeEnvelope, encodeEnvelope } from '../../schemas/envelope.ts'

const envelope = fc.record(
  {
    codec: fc.constant('json' as const),
    receivedMs: fc.maxSafeNat(),
    traceparent: fc.constantFrom('', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
    payload: fc.uint8Array({ maxLength: 50 }),
  },
  { noNullPrototype: true },
)

t.test('an envelope comes back as it was written', async () => {
  fc.assert(
    fc.property(envelope, (written) => {
      const read = decodeEnvelope(encodeEnvelope(written))
      assert.deepEqual(read && { ...read, payload: Uint8Array.from(read.payload) }, written)
    }),
  )
})

t.test('bytes are an envelope, or undefined; an envelope that is read can be written again', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.tuple(envelope, fc.nat(), fc.nat(255)).map(damage)), (bytes) => {
      const read = decodeEnvelope(bytes)
      if (read !== undefined) assert.deepEqual(Uint8Array.from(encodeEnvelope(read)), Uint8Array.from(bytes))
    }),
    { numRuns: 2_000 },
  )
})

function damage([written, at, byte]: readonly [Parameters<typeof encodeEnvelope>[0], number, number]): Uint8Array {
  const bytes = encodeEnvelope(written)
  bytes[at % Math.min(bytes.length, 12)] = byte
  return bytes
}

t.test('another version, another codec, a time that is none and a cut header are no envelope', async (t) => {
  const good = encodeEnvelope({ codec: 'json', receivedMs: 1_764_000_000_000, traceparent: 'abc', payload: Buffer.from('{}') })
  const changed = (at: number, ...bytes: readonly number[]): Buffer => {
    const copy = Buffer.from(good)
    copy.set(bytes, at)
    return copy
  }
  t.ok(decodeEnvelope(good))
  t.equal(decodeEnvelope(changed(0, 2)), undefined, 'version')
  t.equal(decodeEnvelope(changed(1, 1)), undefined, 'codec')
  t.equal(decodeEnvelope(changed(2, 0x7f, 0xf8)), undefined, 'NaN')
  t.equal(decodeEnvelope(changed(10, 255)), undefined, 'a traceparent longer than the bytes')
  for (let length = 0; length < 14; length++) t.equal(decodeEnvelope(good.subarray(0, length)), undefined, `${length} bytes`)
})
