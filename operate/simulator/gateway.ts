import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { Reading } from '../../schemas/message.ts'
import { readingsTopic } from '../../schemas/topics.ts'
import type { Factory } from './factory.ts'
import type { GatewayCredentials, GatewayLink } from './gateway-link.ts'
import type { Outage } from './outages.ts'
import type { OutgoingMessage } from './outbox.ts'
import type { SensorPlan } from './plan.ts'
import { nextSampleMs, type Sampling, sample } from './sampling.ts'

export interface GatewayTask {
  readonly credentials: GatewayCredentials
  readonly sensors: readonly SensorPlan[]
  readonly factory: Factory
  readonly sampling: Sampling
  /** The first reading is later than this, epoch milliseconds. */
  readonly fromMs: number
  /** Readings later than this aren't made; infinite for a gateway that goes on living. */
  readonly untilMs: number
  /** Simulated time: never ahead of real time. */
  readonly now: () => number
  /** Simulated milliseconds in a real one, while simulated time is behind; 1 once it has caught up. */
  readonly pace: () => number
  /** The outage under way at `atMs`, or else the next one. */
  readonly nextOutage: (atMs: number) => Outage
  /** How long after measuring it sends, real milliseconds: gateways aren't all equally quick. */
  readonly delayMs: number
  readonly readingsPerMessage: number
  readonly link: GatewayLink
  /** Awaited before the message leaves, so that a ledger can be durable first. */
  readonly onSend: (message: OutgoingMessage) => Promise<void>
}

export interface GatewayResult {
  readonly outages: number
  /** Readings measured while there was no connection or the server didn't keep up, and sent later than a minute after. */
  readonly buffered: number
  /** Readings lost because an outage lasted longer than a gateway's memory. */
  readonly dropped: number
}

/** A gateway's memory: what it measured longer ago than this when it comes back is lost. History doesn't count, it is made on purpose. */
export const BUFFER_MS_MAX = 24 * 3_600_000
const ATTEMPTS_MAX = 4
const BUFFERED_AFTER_MS = 60_000
const WAIT_MS_MIN = 20
const WAIT_MS_MAX = 60_000
/** Simulated at a time where nothing is sent, so that the event loop isn't held: half an hour of factory. */
const SLICE_MS = 1_800_000
/** Times of measuring that one message may hold. */
const INSTANTS_MAX = 500
const DRAIN_TIMEOUT_MS = 5_000

/**
 * The life of one gateway: measures, sends, loses its connection, comes back and sends what it missed, oldest first.
 *
 * Because a factory is a function of time, the buffer needs no memory: a gateway without a connection measures later what it would have
 * measured then, with the same values and times, up to `BUFFER_MS_MAX`.
 *
 * @throws {MillraceError} `listener.unavailable` when the gateway has never been let in after four attempts.
 */
export async function runGateway(task: GatewayTask, signal: AbortSignal): Promise<GatewayResult> {
  try {
    await replay(task, signal)
    task.link.open()
    const result = await live(task, signal)
    await drain(task.link, signal)
    return result
  } finally {
    await task.link.close()
  }
}

async function live(task: GatewayTask, signal: AbortSignal): Promise<GatewayResult> {
  const { link, now, sensors, sampling, untilMs } = task
  let cursorMs = task.fromMs
  let result: GatewayResult = { outages: 0, buffered: 0, dropped: 0 }

  while (!signal.aborted && nextSampleMs(sensors, sampling, cursorMs) <= untilMs) {
    // History that is sent as fast as it goes is the past: today's outages don't touch it.
    const isCatchingUp = cursorMs < sampling.liveFromMs && now() >= sampling.liveFromMs
    if (!isCatchingUp && (await sitOut(task, signal))) result = { ...result, outages: result.outages + 1 }
    if (!(await waitForRoom(link, signal))) break
    const readings = measure()
    if (readings.length > 0) await send(readings)
    else await waitFor(nextSampleMs(sensors, sampling, cursorMs), task, signal)
  }
  return result

  /** The next message's readings, oldest first; empty when none is due, or when all were too old. */
  function measure(): readonly Reading[] {
    const readings: Reading[] = []
    const toMs = Math.min(now(), untilMs)
    const memoryFromMs = Math.max(sampling.liveFromMs, now() - BUFFER_MS_MAX)
    let next = nextSampleMs(sensors, sampling, cursorMs)
    for (let instants = 0; next <= toMs && instants < INSTANTS_MAX; instants++) {
      if (readings.length + sensors.length > task.readingsPerMessage) break
      const measured = sample(task.factory, sensors, sampling, next)
      if (next > sampling.liveFromMs && next < memoryFromMs) result = { ...result, dropped: result.dropped + measured.length }
      else readings.push(...measured)
      cursorMs = next
      next = nextSampleMs(sensors, sampling, cursorMs)
    }
    return readings
  }

  async function send(readings: readonly Reading[]): Promise<void> {
    const { tenant, gateway } = task.credentials
    const lateMs = now() - BUFFERED_AFTER_MS
    const late = readings.filter(({ ts = 0 }) => ts > sampling.liveFromMs && ts < lateMs).length
    result = { ...result, buffered: result.buffered + late }
    const payload = Buffer.from(JSON.stringify({ readings }))
    const message = { tenant, gateway, topic: readingsTopic({ tenant, gateway }), payload, readings }
    await task.onSend(message)
    link.send(message)
    // Others on this thread have their turn between two messages; a window full of them takes too long.
    await nextTurn()
  }
}

/** Lives through the time before the first reading, a slice at a time. */
async function replay({ factory, fromMs, sensors }: GatewayTask, signal: AbortSignal): Promise<void> {
  while (factory.nowMs() < fromMs && !signal.aborted) {
    factory.advance(Math.min(fromMs, factory.nowMs() + SLICE_MS))
    await nextTurn()
  }
  // The means of the first readings begin here.
  for (const sensor of sensors) factory.read(sensor)
}

/** Waits without a connection while there is an outage. @returns whether there was one. */
async function sitOut({ link, now, nextOutage, pace, untilMs }: GatewayTask, signal: AbortSignal): Promise<boolean> {
  const outage = nextOutage(now())
  if (outage.fromMs > now()) return false
  // An outage at the end of the history would go on in real time, with nothing left to measure.
  const endMs = Math.min(outage.untilMs, untilMs)
  link.cut()
  while (now() < endMs && !signal.aborted) await pause((endMs - now()) / pace(), signal)
  if (!signal.aborted) link.open()
  return true
}

async function waitForRoom(link: GatewayLink, signal: AbortSignal): Promise<boolean> {
  while (!link.hasRoom() && !signal.aborted) {
    const { connections, failures, lastError } = link.status()
    if (connections === 0 && failures >= ATTEMPTS_MAX) {
      throw new MillraceError('listener.unavailable', `The simulator's gateway was not let in: ${lastError}.`)
    }
    await link.changed(signal)
  }
  return !signal.aborted
}

/** Sleeps until the next reading or the next outage, whichever comes first. */
async function waitFor(nextMs: number, { now, pace, nextOutage, delayMs }: GatewayTask, signal: AbortSignal): Promise<void> {
  const wakeMs = Math.min(nextMs, Math.max(now(), nextOutage(now()).fromMs))
  await pause((wakeMs - now()) / pace() + delayMs, signal)
}

/** Waits until everything is acknowledged; once `signal` has fired, 5 s at most. */
async function drain(link: GatewayLink, signal: AbortSignal): Promise<void> {
  while (link.status().inFlight > 0 && !signal.aborted) await link.changed(signal)
  const timeout = AbortSignal.timeout(DRAIN_TIMEOUT_MS)
  while (link.status().inFlight > 0 && !timeout.aborted) await link.changed(timeout)
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  const boundedMs = Math.min(WAIT_MS_MAX, Math.max(WAIT_MS_MIN, Math.ceil(delayMs)))
  await sleep(boundedMs, undefined, { signal }).catch(() => undefined)
}
