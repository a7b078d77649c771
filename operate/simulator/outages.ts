import { createRandomStream } from './random.ts'

/** How often a gateway loses its connection, and for how long at most. Both in simulated milliseconds. */
export interface OutagePattern {
  /** One outage falls into every stretch of this length. */
  readonly everyMs: number
  readonly lengthMaxMs: number
}

export interface Outage {
  readonly fromMs: number
  readonly untilMs: number
}

/** Twice a day, up to 12 minutes: a gateway behind a mobile link. */
export const DEFAULT_OUTAGES: OutagePattern = { everyMs: 12 * 3_600_000, lengthMaxMs: 12 * 60_000 }

/**
 * The outage under way at `atMs`, or else the next one. A pure function of seed and time.
 * The length lies between a tenth and the whole of `lengthMaxMs`, and an outage never reaches into the next stretch.
 */
export function outageAt(seed: number, { everyMs, lengthMaxMs }: OutagePattern, atMs: number): Outage {
  const random = createRandomStream(seed)
  const stretch = Math.floor(atMs / everyMs)
  const current = outageOf(stretch)
  return current.untilMs > atMs ? current : outageOf(stretch + 1)

  function outageOf(index: number): Outage {
    const lengthMs = Math.min(everyMs, lengthMaxMs * (0.1 + 0.9 * random.uniform(2 * index)))
    const fromMs = index * everyMs + (everyMs - lengthMs) * random.uniform(2 * index + 1)
    return { fromMs, untilMs: fromMs + lengthMs }
  }
}
