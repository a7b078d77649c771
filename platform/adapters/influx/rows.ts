import type { Quality } from '../../../schemas/reading.ts'
import type { SeriesRow } from '../../ports/time-series.ts'
import { metricOf, metricsListed, POINT_MARK, type PointFacts, SEQUENCE_MARK, unpackFacts } from './fields.ts'

interface Gathered {
  readonly values: Map<string, number>
  readonly factsByMetric: Map<string, PointFacts>
  /** Of the point that was received last. */
  last: PointFacts | undefined
  lastList: string
  readonly sequences: Map<string, number>
}

/**
 * Puts rows together from fields. A field that came with `limit` values may have more of them behind the last: rows behind that time could
 * lack it, so they are left for the next question. There are still `limit` rows: that field alone has as many.
 *
 * @param metrics  The asked ones; empty for all.
 */
export function createRows(metrics: readonly string[], limit: number) {
  const asked = new Set(metrics)
  const byTime = new Map<number, Gathered>()
  const ends = new Map<string, { count: number; lastMs: number }>()

  function at(timestampMs: number): Gathered {
    const known = byTime.get(timestampMs)
    if (known !== undefined) return known
    const fresh: Gathered = { values: new Map(), factsByMetric: new Map(), last: undefined, lastList: '', sequences: new Map() }
    byTime.set(timestampMs, fresh)
    return fresh
  }

  return {
    add(field: string, timestampMs: number, value: number): void {
      const end = ends.get(field) ?? { count: 0, lastMs: 0 }
      ends.set(field, { count: end.count + 1, lastMs: timestampMs })
      const row = at(timestampMs)
      if (field.startsWith(POINT_MARK)) addFacts(row, field, unpackFacts(value))
      else if (field.startsWith(SEQUENCE_MARK)) row.sequences.set(field.slice(1), value)
      else row.values.set(metricOf(field), value)
    },

    finish(): readonly SeriesRow[] {
      let untilMs = Number.POSITIVE_INFINITY
      for (const { count, lastMs } of ends.values()) if (count >= limit) untilMs = Math.min(untilMs, lastMs)
      const whole = [...byTime].filter(([timestampMs, { values }]) => timestampMs <= untilMs && values.size > 0)
      return whole
        .sort(([a], [b]) => a - b)
        .slice(0, limit)
        .map(([timestampMs, row]) => toRow(timestampMs, row))
    },
  }

  function addFacts(row: Gathered, field: string, facts: PointFacts): void {
    for (const metric of metricsListed(field)) {
      if (asked.size > 0 && !asked.has(metric)) continue
      const known = row.factsByMetric.get(metric)
      if (known === undefined || known.receivedMs <= facts.receivedMs) row.factsByMetric.set(metric, facts)
    }
    if (row.last !== undefined && row.last.receivedMs > facts.receivedMs) return
    row.last = facts
    row.lastList = field.slice(1)
  }
}

function toRow(timestampMs: number, { values, factsByMetric, last, lastList, sequences }: Gathered): SeriesRow {
  const qualities = new Map<string, Quality>()
  for (const [metric, { quality }] of factsByMetric) if (quality !== 'good') qualities.set(metric, quality)
  const sequence = last?.hasSequence === true ? sequences.get(lastList) : undefined
  return {
    timestampMs,
    // A value without facts was not written by us.
    receivedMs: last?.receivedMs ?? timestampMs,
    timeSource: last?.timeSource ?? 'receipt',
    values,
    ...(sequence !== undefined && { sequence }),
    ...(qualities.size > 0 && { qualities }),
  }
}
