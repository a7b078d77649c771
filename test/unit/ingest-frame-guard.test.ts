// Goal: the guard sees packets where they are, whatever pieces the bytes arrive in and however often there is no room; what is wrong is seen on its header.
// Method: random streams of sound and faulty packets, cut at random, against a parser that has the whole stream before it.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { createFrameGuard } from '../../ingest/frame-guard.ts'

const LIMITS = { packetBytesMax: 300, connectBytesMax: 150 }
const CONNECT = 0x10
const PUBLISH = 0x30

function encodeLength(length: number): readonly number[] {
  const bytes: number[] = []
  for (let rest = length; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128))
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0))
  return bytes
}

const packet = (header: number, bodyLength: number): Buffer =>
  Buffer.from([header, ...encodeLength(bodyLength), ...Array(bodyLength).fill(0xff)])

/** First bytes that a client may send, MQTT 3.1.1 tables 2.1 and 2.2, and PUBLISH with its flags (3.3.1). */
const CLIENT_HEADERS: readonly number[] = [
  CONNECT,
  0x40,
  0x50,
  0x62,
  0x70,
  0x82,
  0xa2,
  0xc0,
  0xe0,
  // QoS 0 with or without RETAIN, but not DUP; QoS 1 and 2 with any.
  0x30,
  0x31,
  0x32,
  0x33,
  0x34,
  0x35,
  0x3a,
  0x3b,
  0x3c,
  0x3d,
]

/** What a guard must find, by a parser that sees everything at once. */
function reference(stream: Uint8Array) {
  const rooms: number[] = []
  let packets = 0
  for (let at = 0; at < stream.length; packets++) {
    const header = stream[at] ?? 0
    const found = { rooms, packets: packets + 1 }
    if (!CLIENT_HEADERS.includes(header)) return { ...found, fault: 'malformed-packet', isPartial: true }
    if (packets === 0 && header !== CONNECT) return { ...found, fault: 'not-connect-first', isPartial: true }
    const field = stream.subarray(at + 1, at + 5)
    const last = field.findIndex((byte) => byte < 0x80)
    if (last < 0) return { ...found, fault: field.length === 4 ? 'malformed-packet' : undefined, isPartial: true }
    const length = field.subarray(0, last + 1).reduce((sum, byte, index) => sum + (byte & 0x7f) * 128 ** index, 0)
    const isPublish = header >> 4 === 3
    if (length > (isPublish ? LIMITS.packetBytesMax : LIMITS.connectBytesMax))
      return { ...found, fault: 'packet-too-large', isPartial: true }
    if (isPublish) rooms.push(length)
    at += 2 + last + length
    if (at > stream.length) return { ...found, fault: undefined, isPartial: true }
  }
  return { rooms, packets, fault: undefined, isPartial: false }
}

/** Offers the pieces as a connection does: what was not let in is offered again, with what has come since. */
function guard(pieces: readonly Uint8Array[], refusals: readonly boolean[]) {
  const rooms: number[] = []
  let asked = 0
  const created = createFrameGuard({
    ...LIMITS,
    reserve(bytes) {
      if (refusals[asked++]) return false
      rooms.push(bytes)
      return true
    },
  })
  let admitted = Buffer.alloc(0)
  let held: Uint8Array = Buffer.alloc(0)
  const queue = [...pieces]
  while (created.fault === undefined && (held.length > 0 || queue.length > 0)) {
    const chunk = held.length > 0 ? held : (queue.shift() ?? held)
    const count = created.admit(chunk)
    admitted = Buffer.concat([admitted, chunk.subarray(0, count)])
    held = chunk.subarray(count)
  }
  // A header may be the last byte that has come, and its room refused.
  for (let again = 0; again <= refusals.length && created.fault === undefined; again++) created.admit(Buffer.alloc(0))
  const { fault, isPartial, packets } = created
  return { admitted, found: { rooms, packets, fault, isPartial } }
}

function cut(stream: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const places = [0, ...cuts.map((at) => at % (stream.length + 1)).toSorted((left, right) => left - right), stream.length]
  return places.slice(1).map((end, index) => stream.subarray(places[index], end))
}

const someLength = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(127, 128, 149, 150, 151, 299, 300))
const sound = fc.tuple(fc.constantFrom(...CLIENT_HEADERS), someLength).map(([header, length]) => packet(header, length))
const odd = fc.oneof(
  fc.tuple(fc.nat(255), someLength).map(([header, length]) => packet(header, length)),
  fc
    .constantFrom(
      [0x30, 0x80, 0x80, 0x80, 0x80],
      [0x30, 0xff, 0xff, 0xff, 0x7f],
      [0x30, 0xac, 0x82, 0x80, 0x00],
      [0x32, 0x80, 0x00],
    )
    .map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 10 }),
)
const stream = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.oneof({ weight: 6, arbitrary: sound }, { weight: 1, arbitrary: odd }), { maxLength: 8 }),
    fc.nat(),
  )
  .map(([isConnected, packets, end]) => {
    const bytes = Buffer.concat([...(isConnected ? [packet(CONNECT, 10)] : []), ...packets])
    return end % 3 === 0 ? bytes.subarray(0, end % (bytes.length + 1)) : bytes
  })

t.test('any cut of the stream, and any want of room, gives what the whole stream holds', async () => {
  fc.assert(
    fc.property(
      stream,
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.array(fc.boolean(), { maxLength: 20 }),
      (bytes, cuts, refusals) => {
        const expected = reference(bytes)
        const { admitted, found } = guard(cut(bytes, cuts), refusals)
        assert.deepEqual(found, expected)
        assert.ok(admitted.equals(bytes.subarray(0, admitted.length)), 'bytes go on in their order, each once')
        if (expected.fault === undefined) assert.equal(admitted.length, bytes.length)
      },
    ),
    { numRuns: 3_000 },
  )
})

t.test('byte by byte, the fault shows on the last byte of the header', async (t) => {
  const faultsAt = (bytes: readonly number[], options = LIMITS) => {
    const created = createFrameGuard({ ...options, reserve: () => true })
    created.admit(packet(CONNECT, 10))
    return bytes.map((byte) => {
      created.admit(Buffer.from([byte]))
      return created.fault
    })
  }
  t.same(faultsAt([PUBLISH, 0xad, 0x02]), [undefined, undefined, 'packet-too-large'], '301 bytes')
  t.same(faultsAt([PUBLISH, 0xac, 0x02, 0]), [undefined, undefined, undefined, undefined], '300 bytes')
  t.same(faultsAt([PUBLISH, 0xff, 0xff, 0xff, 0x7f]).at(-1), 'packet-too-large', '268,435,455 bytes')
  t.same(faultsAt([PUBLISH, 0xff, 0xff, 0xff, 0xff]).at(-1), 'malformed-packet', 'a fifth byte of length')
  t.same(faultsAt([0x36]), ['malformed-packet'], 'QoS 3')
  t.same(faultsAt([0x38]), ['malformed-packet'], 'DUP with QoS 0')
  t.same(faultsAt([0xf0]), ['malformed-packet'], 'AUTH is of MQTT 5')
  t.same(faultsAt([0x00]), ['malformed-packet'])
})

t.test('the first packet is CONNECT, and small', async (t) => {
  for (const [header, fault] of [
    [0x30, 'not-connect-first'],
    [0xc0, 'not-connect-first'],
    [0xf0, 'malformed-packet'],
    [0x16, 'malformed-packet'],
  ] as const) {
    const created = createFrameGuard({ ...LIMITS, reserve: () => true })
    t.equal(created.admit(Buffer.from([header])), 0)
    t.equal(created.fault, fault, `0x${header.toString(16)}`)
  }
  const created = createFrameGuard({ ...LIMITS, reserve: () => true })
  created.admit(packet(CONNECT, 151).subarray(0, 3))
  t.equal(created.fault, 'packet-too-large')
})

t.test('a body that there is no room for stays outside, and goes on at the same byte', async (t) => {
  let hasRoom = false
  const created = createFrameGuard({ ...LIMITS, reserve: () => hasRoom })
  const bytes = Buffer.concat([packet(CONNECT, 10), packet(0x32, 20), packet(0xc0, 0)])
  t.equal(created.admit(bytes), 12 + 2, 'CONNECT and the header of PUBLISH')
  t.equal(created.admit(bytes.subarray(14)), 0)
  t.ok(created.isPartial)
  hasRoom = true
  t.equal(created.admit(bytes.subarray(14)), 22)
  t.notOk(created.isPartial)
  t.equal(created.packets, 3)
})
