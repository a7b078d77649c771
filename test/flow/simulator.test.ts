// Goal: the simulator's gateways are real clients: what they count as acknowledged is in the event log, value for value.
// Method: our own listener over MQTT/TLS 1.3 with enrolled certificates; everything it made durable is read back from the log.
import t from 'tap'
import type { OutgoingMessage } from '../../operate/simulator/outbox.ts'
import { runSimulator } from '../../operate/simulator/run.ts'
import { isHistoryOf, linesOf } from './simulator/history.ts'
import { log, openListenerWorld } from './simulator/listener-world.ts'

const HOUR_DAYS = 1 / 24
const forever = new AbortController().signal

t.test('sends a history as fast as it is acknowledged, and all of it arrives, value for value', async (t) => {
  const world = await openListenerWorld(t)
  const { port } = await world.listen()
  const gateways = await world.enrol('acme', 3)
  const sent: OutgoingMessage[] = []
  const acked: OutgoingMessage[] = []
  const progress: { done: number; total: number }[] = []
  let liveCalls = 0

  const report = await runSimulator(
    {
      host: '127.0.0.1',
      port,
      caPem: world.caPem,
      gateways,
      log,
      seed: 7,
      backfillDays: 1,
      isHistoryOnly: true,
      onSent: (message) => void sent.push(message),
      onAcked: (message) => void acked.push(message),
      onProgress: (step) => void progress.push(step),
      onLive: () => void liveCalls++,
    },
    forever,
  )

  const total = progress[0]?.total ?? 0
  t.ok(isHistoryOf(24, total), `${total} readings in a day`)
  t.match(report, { messages: sent.length, acked: sent.length, readings: total, resent: 0, dropped: 0, buffered: 0 })
  t.equal(acked.length, sent.length, 'every message was acknowledged')
  t.same(linesOf(await world.arrivals()), linesOf(sent), 'the log holds what was sent')
  t.same(await world.rejections(), [], 'nothing was refused')
  t.same(progress.at(-1), { done: total, total })
  t.ok(
    progress.every(({ done }, index) => done >= (progress[index - 1]?.done ?? 0)),
    'progress only rises',
  )
  t.equal(liveCalls, 1)
})

t.test('sends each gateway its own readings in the order of their times', async (t) => {
  const world = await openListenerWorld(t)
  const { port } = await world.listen()
  const gateways = await world.enrol('acme', 2)
  const options = { host: '127.0.0.1', port, caPem: world.caPem, gateways, log, backfillDays: 6 * HOUR_DAYS, isHistoryOnly: true }
  await runSimulator(options, forever)

  for (const [key, arrivals] of Map.groupBy(await world.arrivals(), (arrival) => arrival.key)) {
    const times = arrivals.flatMap(({ readings }) => readings.map(({ ts = 0 }) => ts))
    t.same(
      times,
      times.toSorted((a, b) => a - b),
      `${key} is in order`,
    )
  }
})

t.test('goes on live after the history, until it is told to end', async (t) => {
  const world = await openListenerWorld(t)
  const { port } = await world.listen()
  const gateways = await world.enrol('acme', 1)
  const stop = new AbortController()
  const startedMs = Date.now()
  const live: number[] = []
  const report = await runSimulator(
    {
      host: '127.0.0.1',
      port,
      caPem: world.caPem,
      gateways,
      log,
      backfillDays: HOUR_DAYS,
      intervalMs: 1_000,
      onAcked({ readings }) {
        live.push(...readings.map(({ ts = 0 }) => ts).filter((ts) => ts >= startedMs))
        if (live.length >= 36) stop.abort()
      },
    },
    stop.signal,
  )

  t.equal(report.acked, report.messages)
  t.equal(new Set(live).size >= 3, true, 'three seconds have live readings')
  t.ok(Math.max(...live) <= Date.now(), 'no reading comes from the future')
  t.same(await world.rejections(), [])
})

t.test('ends at once in the middle of a history, with an honest report', async (t) => {
  const world = await openListenerWorld(t)
  const { port } = await world.listen()
  const gateways = await world.enrol('acme', 3)
  const stop = new AbortController()
  const sent: OutgoingMessage[] = []
  const report = await runSimulator(
    {
      host: '127.0.0.1',
      port,
      caPem: world.caPem,
      gateways,
      log,
      backfillDays: 14,
      onSent: (message) => void sent.push(message),
      onAcked: () => stop.abort(),
    },
    stop.signal,
  )
  t.equal(report.messages, sent.length)
  t.equal(report.acked, report.messages, 'what was in flight was waited for')
  t.ok(report.readings < 13 * 14 * 1_440)
})

t.test('gives every tenant a factory of its own', async (t) => {
  const world = await openListenerWorld(t)
  const { port } = await world.listen()
  const gateways = [...(await world.enrol('acme', 1)), ...(await world.enrol('globex', 1))]
  const options = { host: '127.0.0.1', port, caPem: world.caPem, gateways, log, backfillDays: HOUR_DAYS, isHistoryOnly: true }
  const report = await runSimulator(options, forever)

  const byTenant = Map.groupBy(await world.arrivals(), ({ key }) => key.split('/')[0])
  t.ok(isHistoryOf(1, report.readings / 2))
  t.same([...byTenant.keys()].sort(), ['acme', 'globex'])
  const shared = linesOf(byTenant.get('acme') ?? []).intersection(linesOf(byTenant.get('globex') ?? []))
  t.equal(shared.size, 0, 'no reading is the same')
})

t.test('says why a gateway was not let in', async (t) => {
  const world = await openListenerWorld(t)
  const { port } = await world.listen()
  const { credentials } = await world.issue('acme', 'gw-stranger')
  const options = { host: '127.0.0.1', port, caPem: world.caPem, gateways: [credentials], log }
  await t.rejects(runSimulator(options, forever), { code: 'listener.unavailable', message: /not let in: .+/ })
})

t.test('refuses what is out of bounds before it connects', async (t) => {
  const options = { host: '127.0.0.1', port: 1, caPem: '', gateways: [], log }
  for (const wrong of [{ backfillDays: 391 }, { speed: 0 }, { intervalMs: 999 }, { originMs: 1 }, { timeZone: 'Mars/Olympus' }]) {
    const gateways = [{ tenant: 'acme', gateway: 'gw-1', certificatePem: '', privateKeyPem: '' }]
    await t.rejects(runSimulator({ ...options, gateways, ...wrong }, forever), { code: 'usage.invalid' }, JSON.stringify(wrong))
  }
})
