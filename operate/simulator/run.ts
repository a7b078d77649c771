import { createFactory } from './factory.ts'
import { type GatewayResult, type GatewayTask, runGateway } from './gateway.ts'
import { createGatewayLink, type GatewayCredentials, type GatewayLink } from './gateway-link.ts'
import { type Settings, type SimulatorOptions, settle } from './options.ts'
import { outageAt } from './outages.ts'
import type { OutgoingMessage } from './outbox.ts'
import { factoryPlan } from './plan.ts'
import { createRandomStream, deriveSeed } from './random.ts'
import { countHistory, type Sampling, tickFor } from './sampling.ts'

export interface SimulatorReport {
  /** Distinct messages that left, and what they held. */
  readonly messages: number
  readonly readings: number
  readonly values: number
  /** Messages that the server has acknowledged. */
  readonly acked: number
  /** Messages that left again after a lost connection. */
  readonly resent: number
  readonly outages: number
  /** Readings that were sent more than a minute after they were measured, history apart. */
  readonly buffered: number
  /** Readings lost because a gateway was away for longer than its memory of 24 hours. */
  readonly dropped: number
  /** Real time. */
  readonly seconds: number
  /** Give it to a later run, and the same factory goes on. */
  readonly originMs: number
}

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
/** Who has just seen the history arrive doesn't want the next thing to be an outage. */
const GRACE_MS_MAX = 600_000
const DELAY_MS_MAX = 900

interface Schedule extends Sampling {
  readonly fromMs: number
  readonly originMs: number
  readonly now: () => number
  readonly pace: () => number
}

/**
 * Runs factories as their gateways see them, until `signal` fires or, with `isHistoryOnly`, the history is through. First sends the history, oldest
 * first, then live readings. Ends by waiting up to 5 s for acknowledgements. Memory stays flat: nothing is kept but what is in flight.
 *
 * @returns what was sent, also after `signal`: an end that was asked for is no error.
 * @throws {MillraceError} `usage.invalid` - an option is out of bounds; `listener.unavailable` - a gateway was never let in.
 */
export async function runSimulator(options: SimulatorOptions, signal: AbortSignal): Promise<SimulatorReport> {
  const settings = settle(options)
  const startedMs = settings.clock()
  const schedule = createSchedule(settings, startedMs)
  const failure = new AbortController()
  const either = AbortSignal.any([signal, failure.signal])
  const tally = createTally(settings, schedule)
  const lives = planTasks(settings, schedule, tally)
  tally.begin(lives.reduce((sum, { sensors }) => sum + countHistory(sensors, schedule, schedule.fromMs), 0))

  const results = await Promise.allSettled(
    lives.map((task) =>
      runGateway(task, either).catch((error: unknown) => {
        failure.abort()
        throw error
      }),
    ),
  )
  const seconds = (settings.clock() - startedMs) / 1000
  return { ...tally.counts(), ...sum(results, lives), seconds, originMs: schedule.originMs }
}

/** When the history begins, when it ends, and what time it is in the factory. */
function createSchedule({ historyIntervalMs, backfillDays, speed, clock, originMs }: Settings, startedMs: number): Schedule {
  // A whole minute as well, so that every step ends where a sensor is read.
  const gridMs = Math.max(historyIntervalMs, MINUTE_MS)
  const liveFromMs = Math.floor(startedMs / gridMs) * gridMs
  // Rounded up, so that what an earlier run has sent at a finer interval isn't sent once more as a mean over a minute.
  const askedMs = Math.min(liveFromMs, Math.ceil((startedMs - backfillDays * DAY_MS) / gridMs) * gridMs)
  const fromMs = Math.max(askedMs, originMs ?? askedMs)
  const now = (): number => Math.min(clock(), fromMs + (clock() - startedMs) * speed)
  const pace = (): number => (now() < clock() ? speed : 1)
  const beganMs = originMs ?? Math.floor(fromMs / MINUTE_MS) * MINUTE_MS
  const unpaced = { liveFromMs, historyIntervalMs, fromMs, originMs: beganMs }
  return speed === Number.POSITIVE_INFINITY ? { ...unpaced, now: clock, pace: () => 1 } : { ...unpaced, now, pace }
}

function planTasks(settings: Settings, schedule: Schedule, tally: Tally): readonly GatewayTask[] {
  const tenants = Map.groupBy(settings.gateways, ({ tenant }) => tenant)
  return [...tenants].flatMap(([tenant, gateways]) => {
    const plan = factoryPlan({ gateways: gateways.length, intervalMs: settings.intervalMs })
    const tickMs = tickFor(
      plan.gateways.flatMap(({ sensors }) => sensors),
      settings.historyIntervalMs,
    )
    return gateways.map((credentials, index) => {
      const sensors = plan.gateways[index]?.sensors ?? []
      const { timeZone } = settings
      const seed = deriveSeed(settings.seed, tenant)
      const factory = createFactory({ seed, plan, sensors, timeZone, originMs: schedule.originMs, tickMs })
      return createTask({ credentials, sensors, factory }, settings, schedule, tally)
    })
  })
}

function createTask(
  gateway: Pick<GatewayTask, 'credentials' | 'sensors' | 'factory'>,
  settings: Settings,
  schedule: Schedule,
  tally: Tally,
): GatewayTask {
  const seed = deriveSeed(settings.seed, `${gateway.credentials.tenant}/${gateway.credentials.gateway}`)
  const random = createRandomStream(seed)
  const { liveFromMs, historyIntervalMs, fromMs, now, pace } = schedule
  return {
    ...gateway,
    sampling: { liveFromMs, historyIntervalMs },
    fromMs,
    untilMs: settings.isHistoryOnly ? liveFromMs : Number.POSITIVE_INFINITY,
    now,
    pace,
    delayMs: random.uniform(0) * Math.min(DELAY_MS_MAX, settings.intervalMs / 4),
    nextOutage: planOutages(seed, settings, liveFromMs),
    readingsPerMessage: settings.readingsPerMessage,
    link: openLink(gateway.credentials, settings, tally),
    onSend: tally.send,
  }
}

function openLink(credentials: GatewayCredentials, settings: Settings, tally: Tally): GatewayLink {
  const { host, port, caPem, inFlightMax, log, seed } = settings
  const random = createRandomStream(deriveSeed(seed, `retry ${credentials.tenant}/${credentials.gateway}`))
  return createGatewayLink({ host, port, caPem, credentials, inFlightMax, random, log, onAcked: tally.ack })
}

function planOutages(seed: number, { outages, speed }: Settings, liveFromMs: number): GatewayTask['nextOutage'] {
  if (outages === null) return () => ({ fromMs: Number.POSITIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY })
  const graceMs = speed === Number.POSITIVE_INFINITY ? Math.min(GRACE_MS_MAX, outages.everyMs) : 0
  return (atMs) => {
    const next = outageAt(seed, outages, atMs)
    return next.fromMs < liveFromMs + graceMs && graceMs > 0 ? outageAt(seed, outages, next.untilMs) : next
  }
}

interface Tally {
  begin(total: number): void
  send(message: OutgoingMessage): Promise<void>
  ack(message: OutgoingMessage): void
  counts(): Pick<SimulatorReport, 'messages' | 'readings' | 'values' | 'acked'>
}

/** Counts over all gateways, and tells how far the history has come. */
function createTally({ onProgress, onLive, onSent, onAcked }: Settings, { liveFromMs }: Schedule): Tally {
  let [messages, readings, values, acked, done, total] = [0, 0, 0, 0, 0, 0]

  function advance(count: number): void {
    done += count
    onProgress?.({ done, total })
    if (done === total) onLive?.()
  }

  return {
    begin(expected) {
      total = expected
      advance(0)
    },
    async send(message) {
      messages++
      readings += message.readings.length
      for (const reading of message.readings) values += Object.keys(reading.values).length
      await onSent?.(message)
    },
    ack(message) {
      acked++
      onAcked?.(message)
      const history = message.readings.filter(({ ts = 0 }) => ts <= liveFromMs).length
      if (history > 0) advance(history)
    },
    counts: () => ({ messages, readings, values, acked }),
  }
}

function sum(
  results: readonly PromiseSettledResult<GatewayResult>[],
  tasks: readonly GatewayTask[],
): GatewayResult & { resent: number } {
  let total = { outages: 0, buffered: 0, dropped: 0, resent: 0 }
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason
    const { outages, buffered, dropped } = result.value
    total = { ...total, outages: total.outages + outages, buffered: total.buffered + buffered, dropped: total.dropped + dropped }
  }
  for (const { link } of tasks) total.resent += link.status().resent
  return total
}
