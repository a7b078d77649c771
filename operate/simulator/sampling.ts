import type { Reading } from '../../schemas/message.ts'
import type { Factory } from './factory.ts'
import type { SensorPlan } from './plan.ts'

/** When sensors are read: at whole multiples of their interval since 1970, so that all clocks of a factory agree. */
export interface Sampling {
  /** From here on every sensor has its own interval; before, none is read more often than every `historyIntervalMs`. */
  readonly liveFromMs: number
  readonly historyIntervalMs: number
}

export function intervalAt({ intervalMs }: SensorPlan, { liveFromMs, historyIntervalMs }: Sampling, atMs: number): number {
  return atMs > liveFromMs ? intervalMs : Math.max(intervalMs, historyIntervalMs)
}

/** The first instant after `atMs` at which one of the sensors is read. */
export function nextSampleMs(sensors: readonly SensorPlan[], sampling: Sampling, atMs: number): number {
  const { liveFromMs } = sampling
  const next = sensors.map((sensor) => {
    const planned = multipleAfter(atMs, intervalAt(sensor, sampling, atMs))
    // The first live instant may come before the next one of the history's coarse interval.
    return planned <= liveFromMs ? planned : multipleAfter(Math.max(atMs, liveFromMs), sensor.intervalMs)
  })
  return Math.min(...next)
}

function multipleAfter(atMs: number, intervalMs: number): number {
  return (Math.floor(atMs / intervalMs) + 1) * intervalMs
}

/** Lives on until `atMs` and reads every sensor that is due then. */
export function sample(factory: Factory, sensors: readonly SensorPlan[], sampling: Sampling, atMs: number): readonly Reading[] {
  factory.advance(atMs)
  return sensors
    .filter((sensor) => atMs % intervalAt(sensor, sampling, atMs) === 0)
    .map((sensor) => ({ sensor: sensor.sensor, ts: atMs, values: factory.read(sensor) }))
}

/** How many readings `sample` gives for the history after `fromMs`, up to and with `liveFromMs`. */
export function countHistory(sensors: readonly SensorPlan[], sampling: Sampling, fromMs: number): number {
  return sensors.reduce((sum, sensor) => {
    const intervalMs = intervalAt(sensor, sampling, fromMs)
    return sum + Math.max(0, Math.floor(sampling.liveFromMs / intervalMs) - Math.floor(fromMs / intervalMs))
  }, 0)
}

const TICK_MS_MAX = 10_000

/** The longest step, at most 10 s, that meets every instant at which a sensor is read. */
export function tickFor(sensors: readonly SensorPlan[], historyIntervalMs: number): number {
  const step = sensors.reduce((divisor, { intervalMs }) => commonDivisor(divisor, intervalMs), historyIntervalMs)
  let parts = Math.ceil(step / TICK_MS_MAX)
  while (step % parts !== 0) parts++
  return step / parts
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b)
}
