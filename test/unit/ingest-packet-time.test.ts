// Goal: a packet must arrive whole within its time, and a connection is never ended for our own slowness or for being busy.
// Method: a connection over a stream in memory, whose pieces end wherever the test wants; time passes by spinning.
import { Duplex } from 'node:stream'
import t, { type Test } from 'tap'
import { openConnection } from '../../ingest/connection.ts'
import { createInFlight } from '../../ingest/in-flight.ts'

/** Far above what a busy machine takes a process off its core for. */
const TIMEOUT_MS = 300
const CONNECT = Buffer.from([0x10, 0x0e, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 2, 0x67, 0x77])
/** PUBLISH, QoS 0, topic "t", a body of 7. */
const PUBLISH = Buffer.from([0x30, 0x0a, 0, 1, 0x74, 1, 2, 3, 4, 5, 6, 7])
const LIMITS = { packetBytesMax: 1_000, connectBytesMax: 100 }

function open(t: Test, messagesMax = 10) {
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
  t.teardown(() => socket.destroy())
  const inFlight = createInFlight({ messagesMax, bytesMax: 10_000 })
  const faults: string[] = []
  const perConnection = { messagesMax: 10, bytesMax: 10_000 }
  const connection = openConnection(
    { socket, peer: { address: 'memory' }, limits: { ...LIMITS, perConnection }, inFlight },
    (fault) => faults.push(fault),
  )
  const arrive = (...pieces: readonly Uint8Array[]): number => {
    for (const piece of pieces) socket.push(piece)
    const bytes: unknown = connection.socket.read()
    return bytes instanceof Uint8Array ? bytes.length : 0
  }
  const sweep = (): readonly string[] => {
    connection.endIfStuck(TIMEOUT_MS)
    return faults
  }
  arrive(CONNECT)
  connection.opened()
  return { inFlight, arrive, sweep }
}

function spin(forMs: number): void {
  const endMs = performance.now() + forMs
  while (performance.now() < endMs);
}

t.test('a packet that stays half is ended, a whole one is not', async (t) => {
  const whole = open(t)
  const half = open(t)
  whole.arrive(PUBLISH)
  half.arrive(PUBLISH.subarray(0, 5))
  t.same(half.sweep(), [], 'before its time is over')
  spin(TIMEOUT_MS + 1)
  t.same(half.sweep(), ['packet-timeout'])
  t.same(whole.sweep(), [])
})

t.test('a packet that comes byte by byte has no more time than another', async (t) => {
  const { arrive, sweep } = open(t)
  for (let at = 0; at < PUBLISH.length - 1; at++) {
    arrive(PUBLISH.subarray(at, at + 1))
    spin(TIMEOUT_MS / 8)
  }
  t.same(sweep(), ['packet-timeout'])
})

t.test('a busy connection whose pieces never end with a packet goes on', async (t) => {
  const { arrive, sweep } = open(t)
  arrive(PUBLISH.subarray(0, 5))
  for (let round = 0; round < 4; round++) {
    spin(TIMEOUT_MS * 0.5)
    t.same(sweep(), [])
    arrive(PUBLISH.subarray(5), PUBLISH.subarray(0, 5))
    t.same(sweep(), [], 'what counts is the packet that has just begun')
  }
})

t.test('time in which there was no room for a packet is not its own', async (t) => {
  const { inFlight, arrive, sweep } = open(t, 1)
  const other = inFlight.open({ messagesMax: 1, bytesMax: 100 }, () => undefined)
  t.ok(other.reserve(1))
  t.equal(arrive(PUBLISH.subarray(0, 6)), 2, 'the header alone')
  spin(TIMEOUT_MS + 1)
  t.same(sweep(), [], 'while it is held back')
  other.release(1)
  t.equal(arrive(), 4)
  t.same(sweep(), [], 'when it goes on')
  spin(TIMEOUT_MS + 1)
  t.same(sweep(), ['packet-timeout'], 'from then on its time runs')
})
