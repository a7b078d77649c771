import { gzipSync } from 'node:zlib'
import type { Reason } from '../../../schemas/rejection.ts'
import type { Random } from '../harness/random.ts'

/** What a program can tell of a fault: its reason and its JSON pointer. */
export type Place = readonly [reason: Reason, pointer: string]

export interface SoundReading {
  readonly sensor: string
  readonly ts: number
  readonly values: ReadonlyMap<string, number>
}

/** A message, and what must become of it. */
export interface Draft {
  readonly payload: Buffer
  /** Every fault that must be listed, in this order. */
  readonly faults: readonly Place[]
  /** What must be kept. */
  readonly good: readonly SoundReading[]
}

const METRICS = ['power_w', 'energy_wh', 'temperature_c', 'constructor'] as const
const SENSORS = ['press-1', 'oven-2', 'constructor', 'toString'] as const
const DAY_MS = 86_400_000

/** Makes readings that can be told from each other by sensor and time, with any finite float64 as value. */
export function createSoundReadings(random: Random, nowMs: number): () => SoundReading {
  let made = 0
  return () => {
    made++
    const count = 1 + random.below(METRICS.length)
    return {
      sensor: SENSORS[made % SENSORS.length] ?? SENSORS[0],
      ts: nowMs - DAY_MS + made,
      values: new Map(METRICS.slice(0, count).map((metric) => [metric, random.float()])),
    }
  }
}

/** As JSON, with -0. */
export function textOf({ sensor, ts, values }: SoundReading): string {
  const pairs = [...values].map(([metric, value]) => `"${metric}":${Object.is(value, -0) ? '-0' : value}`)
  return `{"sensor":"${sensor}","ts":${ts},"values":{${pairs.join(',')}}}`
}

export const messageOf = (readings: readonly string[]): string => `{"readings":[${readings.join(',')}]}`

/** As it is, or as gzip: a third of all. */
export const pack = (random: Random, text: string): Buffer => (random.below(3) === 0 ? gzipSync(text) : Buffer.from(text))
