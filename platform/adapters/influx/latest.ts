import type { LatestOfSensor, LatestValue } from '../../ports/time-series.ts'
import { metricOf, metricsListed, POINT_MARK, type PointFacts, SEQUENCE_MARK, unpackFacts } from './fields.ts'

interface TimedValue {
  readonly timestampMs: number
  readonly value: number
}

interface Gathered {
  readonly values: Map<string, TimedValue>
  readonly facts: Map<string, PointFacts & { readonly timestampMs: number }>
  seenMs: number
}

/**
 * Puts the newest values together from the newest of each field. A metric is never written without its facts, so the facts of its newest
 * value are among the newest facts, at the same time.
 */
export function createLatest() {
  const sensors = new Map<string, Gathered>()

  function of(sensor: string): Gathered {
    const known = sensors.get(sensor)
    if (known !== undefined) return known
    const fresh: Gathered = { values: new Map(), facts: new Map(), seenMs: 0 }
    sensors.set(sensor, fresh)
    return fresh
  }

  function addFacts({ facts }: Gathered, field: string, { timestampMs, value }: TimedValue): void {
    const found = { ...unpackFacts(value), timestampMs }
    for (const metric of metricsListed(field)) {
      const known = facts.get(metric)
      const isNewer = known === undefined || known.timestampMs < timestampMs
      if (isNewer || (known.timestampMs === timestampMs && known.receivedMs <= found.receivedMs)) facts.set(metric, found)
    }
  }

  return {
    add(sensor: string, field: string, value: TimedValue): void {
      const gathered = of(sensor)
      if (field.startsWith(POINT_MARK)) addFacts(gathered, field, value)
      else if (!field.startsWith(SEQUENCE_MARK)) gathered.values.set(metricOf(field), value)
    },
    seen(sensor: string, receivedMs: number): void {
      of(sensor).seenMs = receivedMs
    },
    /** In the order of `names`. */
    finish(names: readonly string[]): readonly LatestOfSensor[] {
      return names.flatMap((sensor) => {
        const gathered = sensors.get(sensor)
        if (gathered === undefined || gathered.values.size === 0) return []
        return [{ sensor, lastSeenMs: lastSeenOf(gathered), values: valuesOf(gathered) }]
      })
    },
  }
}

/** The facts of a newest value may be newer than what is noted by the hour, when another processor wrote in between. */
function lastSeenOf({ seenMs, facts }: Gathered): number {
  let lastMs = seenMs
  for (const { receivedMs } of facts.values()) lastMs = Math.max(lastMs, receivedMs)
  return lastMs
}

function valuesOf({ values, facts }: Gathered): readonly LatestValue[] {
  const all = [...values].map(([metric, { timestampMs, value }]): LatestValue => {
    const quality = facts.get(metric)?.quality ?? 'good'
    return { metric, timestampMs, value, ...(quality !== 'good' && { quality }) }
  })
  return all.sort((left, right) => (left.metric < right.metric ? -1 : 1))
}
