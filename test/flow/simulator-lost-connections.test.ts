// Goal: a gateway that loses its connection, by its own outage, a broken line or a server that goes away, loses no reading.
// Method: our own listener over MQTT/TLS 1.3; what its event log holds at the end is compared with what was sent.
import t from 'tap'
import type { OutgoingMessage } from '../../operate/simulator/outbox.ts'
import { runSimulator } from '../../operate/simulator/run.ts'
import { openBreakingLine } from './simulator/breaking-line.ts'
import { isHistoryOf, linesOf } from './simulator/history.ts'
import { log, openListenerWorld } from './simulator/listener-world.ts'

const HOUR_DAYS = 1 / 24
const forever = new AbortController().signal

t.test('loses nothing when gateways lose their connections, and sends what they buffered with its own times', async (t) => {
  const world = await openListenerWorld(t)
  const { port } = await world.listen()
  const gateways = await world.enrol('acme', 3)
  const sent: OutgoingMessage[] = []
  const report = await runSimulator(
    {
      host: '127.0.0.1',
      port,
      caPem: world.caPem,
      gateways,
      log,
      seed: 3,
      backfillDays: 6 * HOUR_DAYS,
      speed: 7_200,
      outages: { everyMs: 3_600_000, lengthMaxMs: 1_800_000 },
      isHistoryOnly: true,
      onSent: (message) => void sent.push(message),
    },
    forever,
  )

  t.ok(report.outages > 0, `${report.outages} outages`)
  t.equal(report.acked, report.messages)
  t.ok(isHistoryOf(6, report.readings))
  t.same(linesOf(await world.arrivals()), linesOf(sent))
})

t.test('does not wait in real time for an outage that outlasts the history', async (t) => {
  const world = await openListenerWorld(t)
  const { port } = await world.listen()
  const gateways = await world.enrol('acme', 1)
  const alwaysAway = { everyMs: 86_400_000, lengthMaxMs: 86_400_000 * 10 }
  const options = { host: '127.0.0.1', port, caPem: world.caPem, gateways, log, outages: alwaysAway, isHistoryOnly: true }
  const report = await runSimulator({ ...options, backfillDays: HOUR_DAYS, speed: 600 }, forever)
  t.ok(report.outages > 0)
  t.ok(isHistoryOf(1, report.readings))
  t.equal(report.acked, report.messages)
})

t.test('comes back to a server that was away, and everything it acknowledged is there', async (t) => {
  const world = await openListenerWorld(t)
  const first = await world.listen()
  const gateways = await world.enrol('acme', 3)
  const sent: OutgoingMessage[] = []
  const acked: OutgoingMessage[] = []
  const stop = new AbortController()
  let restart: Promise<unknown> | undefined
  const report = await runSimulator(
    {
      host: '127.0.0.1',
      port: first.port,
      caPem: world.caPem,
      gateways,
      log,
      backfillDays: 4 * HOUR_DAYS,
      speed: 7_200,
      outages: null,
      isHistoryOnly: true,
      onSent: (message) => void sent.push(message),
      onAcked(message) {
        acked.push(message)
        if (acked.length !== 20) return
        restart = first.stop().then(() => world.listen(first.port))
        restart.catch(() => stop.abort())
      },
    },
    stop.signal,
  )

  await restart
  t.equal(report.acked, report.messages)
  t.ok(isHistoryOf(4, report.readings))
  t.same(linesOf(await world.arrivals()), linesOf(sent))
})

t.test('sends again what was not acknowledged when the line broke, before anything new', async (t) => {
  const world = await openListenerWorld(t)
  const listener = await world.listen()
  const port = await openBreakingLine(t, { port: listener.port, breaks: 2, answersMax: 6 })
  const gateways = await world.enrol('acme', 1)
  const sent: OutgoingMessage[] = []
  const options = { host: '127.0.0.1', port, caPem: world.caPem, gateways, log, backfillDays: 2, isHistoryOnly: true }
  const report = await runSimulator({ ...options, onSent: (message) => void sent.push(message) }, forever)

  t.ok(report.resent > 0, `${report.resent} messages were sent again`)
  t.equal(report.acked, report.messages)
  const arrivals = await world.arrivals()
  t.same(linesOf(arrivals), linesOf(sent))
  const firstTimes = [...new Set(arrivals.map(({ readings }) => readings[0]?.ts ?? 0))]
  t.same(
    firstTimes,
    firstTimes.toSorted((a, b) => a - b),
    'each message arrives for the first time after the one before it',
  )
})
