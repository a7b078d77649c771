import { createFactory } from '../../../operate/simulator/factory.ts'
import { factoryPlan, type SensorPlan } from '../../../operate/simulator/plan.ts'
import { nextSampleMs, sample, tickFor } from '../../../operate/simulator/sampling.ts'
import type { Reading } from '../../../schemas/message.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS

export interface Span {
  readonly seed: number
  /** The first reading is later than this. */
  readonly fromMs: number
  readonly toMs: number
  /** Default: `fromMs`. */
  readonly originMs?: number
  /** Default: 10 s. Above a minute, readings are taken this far apart as in a history. */
  readonly intervalMs?: number
  readonly timeZone?: string
  readonly sensors?: readonly SensorPlan[]
  readonly resetsAWeek?: number
}

/** The readings of a factory in a span, in the order of time. */
export function simulate(span: Span): readonly Reading[] {
  const { seed, fromMs, toMs, originMs = fromMs, intervalMs = 10_000, timeZone = 'Europe/Amsterdam', resetsAWeek } = span
  const plan = factoryPlan({ intervalMs: Math.min(intervalMs, MINUTE_MS) })
  const sensors = span.sensors ?? plan.gateways.flatMap((gateway) => gateway.sensors)
  const sampling = { liveFromMs: intervalMs > MINUTE_MS ? toMs : fromMs, historyIntervalMs: intervalMs }
  const tickMs = tickFor(sensors, intervalMs)
  const factory = createFactory({
    seed,
    plan,
    sensors,
    timeZone,
    originMs,
    tickMs,
    ...(resetsAWeek !== undefined && { resetsAWeek }),
  })

  factory.advance(fromMs)
  for (const sensor of sensors) factory.read(sensor)
  const readings: Reading[] = []
  for (let atMs = nextSampleMs(sensors, sampling, fromMs); atMs <= toMs; atMs = nextSampleMs(sensors, sampling, atMs)) {
    readings.push(...sample(factory, sensors, sampling, atMs))
  }
  return readings
}

/** The values of one metric, in order, of the readings that have it. */
export function valuesOf(readings: readonly Reading[], metric: string): readonly number[] {
  return readings.flatMap(({ values }) => values[metric] ?? [])
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The values of one metric of one sensor. */
export function seriesOf(readings: readonly Reading[], sensor: string, metric: string): readonly number[] {
  return valuesOf(
    readings.filter((reading) => reading.sensor === sensor),
    metric,
  )
}
