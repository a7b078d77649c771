import { decodeNewest, type NewestTimes } from './newest-times.ts'

/** What the writer remembers of a sensor, so that a reading in its normal order needs no look-up. Derived from the store, never ahead of it. */
export interface SensorState extends NewestTimes {
  readonly id: number
  /** No row is newer; -Infinity for a sensor without rows. */
  newestMs: number
  /** No row in `reading` is newer; undefined until it has been looked up. */
  movedMs: number | undefined
  /** Whether the column `newest` says what `metrics` and `times` say. */
  isSaved: boolean
  /** Which filling of the row buffer last took a row of this sensor. */
  bufferedIn: number
  /** The last write that brought rows of this sensor, and how many. */
  lastWrite: number
  rowsInWrite: number
  /** Whether the rows of that write go to `reading` at once; see insert-rows.ts. */
  isBusy: boolean
}

export function createSensorState(id: number, newest: Uint8Array): SensorState {
  const { metrics, times } = decodeNewest(newest)
  const newestMs = times.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  return {
    id,
    metrics,
    times,
    newestMs,
    movedMs: undefined,
    isSaved: true,
    bufferedIn: -1,
    lastWrite: -1,
    rowsInWrite: 0,
    isBusy: false,
  }
}

/**
 * Notes that the sensor has a value of `metric` at `timestampMs`.
 *
 * @param slotHint  Where the metric is likely to stand: readings of a sensor mostly list the same metrics in the same order.
 * @returns whether the metric is new to the sensor.
 */
export function noteValue(
  state: SensorState,
  metric: number,
  { timestampMs, slotHint }: { timestampMs: number; slotHint: number },
): boolean {
  const slot = state.metrics[slotHint] === metric ? slotHint : state.metrics.indexOf(metric)
  if (timestampMs > state.newestMs) state.newestMs = timestampMs
  if (slot === -1) {
    state.metrics.push(metric)
    state.times.push(timestampMs)
    state.isSaved = false
    return true
  }
  if (timestampMs > (state.times[slot] ?? 0)) {
    state.times[slot] = timestampMs
    state.isSaved = false
  }
  return false
}

/** Forgets metrics that were last measured before `timeMs`: retention has taken their readings. */
export function forgetBefore(state: SensorState, timeMs: number): void {
  const kept = state.metrics
    .map((metric, slot) => ({ metric, time: state.times[slot] ?? 0 }))
    .filter(({ time }) => time >= timeMs)
  if (kept.length === state.metrics.length) return
  state.metrics.length = 0
  state.times.length = 0
  for (const { metric, time } of kept) {
    state.metrics.push(metric)
    state.times.push(time)
  }
  state.isSaved = false
}
