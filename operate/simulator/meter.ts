import { createRandomStream, deriveSeed } from './random.ts'

const WEEK_MS = 7 * 86_400_000
const HOUR_MS = 3_600_000
/** About twice a year and meter: an exchanged meter, a restart that lost the counter. */
export const RESETS_A_WEEK_DEFAULT = 0.04

export interface MeterReading {
  /** Mean active power since the last reading, watts. */
  readonly powerW: number
  /** A counter in whole watt-hours: it only rises, and starts again at 0 when it is reset. */
  readonly energyWh: number
}

export interface Meter {
  /** Counts what flowed during the step that ends at `atMs`. */
  add(powerW: number, atMs: number, stepMs: number): void
  read(): MeterReading
}

/**
 * Integrates power. A reading's power is the mean over the time since the reading before, as metering chips report it, so
 * the counter's difference is that power times that time, whatever happened in between.
 *
 * @param resetsAWeek  The chance of a reset in each week, 0 to 1.
 */
export function createMeter(seed: number, resetsAWeek: number): Meter {
  const resets = createRandomStream(deriveSeed(seed, 'meter-resets'))
  let totalWh = 20_000_000 + 400_000_000 * createRandomStream(deriveSeed(seed, 'meter-start')).uniform(0)
  let windowWh = 0
  let windowMs = 0
  let week = Number.NaN
  let resetMs = Number.POSITIVE_INFINITY

  function scheduleReset(atMs: number): void {
    const current = Math.floor(atMs / WEEK_MS)
    if (current === week) return
    week = current
    const isDue = resets.uniform(2 * week) < resetsAWeek
    resetMs = isDue ? (week + resets.uniform(2 * week + 1)) * WEEK_MS : Number.POSITIVE_INFINITY
  }

  return {
    add(powerW, atMs, stepMs) {
      scheduleReset(atMs)
      const energyWh = (powerW * stepMs) / HOUR_MS
      if (resetMs <= atMs && resetMs > atMs - stepMs) totalWh = 0
      totalWh += energyWh
      windowWh += energyWh
      windowMs += stepMs
    },
    read() {
      const powerW = windowMs === 0 ? 0 : (windowWh * HOUR_MS) / windowMs
      windowWh = 0
      windowMs = 0
      return { powerW: Math.round(powerW * 10) / 10, energyWh: Math.floor(totalWh) }
    },
  }
}
