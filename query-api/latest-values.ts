import type { LatestOfSensor } from '../platform/ports/time-series.ts'
import { exactNumber } from './exact-number.ts'
import { formatInstant, formatMaybeInstant } from './parse-instant.ts'

/** @param metrics  Only these; empty means all. */
export function latestAnswer(latest: LatestOfSensor | undefined, metrics: readonly string[]): object {
  const asked = latest?.values.filter(({ metric }) => metrics.length === 0 || metrics.includes(metric)) ?? []
  return {
    lastSeen: formatMaybeInstant(latest?.lastSeenMs),
    latest: Object.fromEntries(
      asked.map(({ metric, timestampMs, value, quality }) => [
        metric,
        {
          ts: formatInstant(timestampMs),
          value: exactNumber(value),
          ...(quality !== undefined && quality !== 'good' && { quality }),
        },
      ]),
    ),
  }
}
