import { viewOf } from './row-data.ts'

/**
 * The column `sensor.newest`: every metric that the sensor ever had, with the time of its newest reading as it was when the
 * column was last written. So `latest` knows what to look for, and where, however long ago a metric fell silent.
 *
 * It is written when a sensor shows a new metric, when rows are moved to `reading`, and when a row there gains a metric.
 * Hence whatever is newer than the column says lies in `fresh`.
 *
 * For each metric: id (uint16), epoch milliseconds (float64), little-endian.
 */
const ENTRY_BYTES = 10

/** Position by position: `metrics[i]` was last measured at `times[i]`. */
export interface NewestTimes {
  readonly metrics: number[]
  readonly times: number[]
}

export function encodeNewest({ metrics, times }: NewestTimes): Uint8Array {
  const bytes = new Uint8Array(metrics.length * ENTRY_BYTES)
  const view = viewOf(bytes)
  for (const [index, metric] of metrics.entries()) {
    view.setUint16(index * ENTRY_BYTES, metric, true)
    view.setFloat64(index * ENTRY_BYTES + 2, times[index] ?? 0, true)
  }
  return bytes
}

export function decodeNewest(bytes: Uint8Array): NewestTimes {
  const view = viewOf(bytes)
  const newest: NewestTimes = { metrics: [], times: [] }
  for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
    newest.metrics.push(view.getUint16(at, true))
    newest.times.push(view.getFloat64(at + 2, true))
  }
  return newest
}
