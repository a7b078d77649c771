import type { LatestValue, Point, SeriesRow } from '../../../platform/ports/time-series.ts'

/** What a store must hold, kept the simplest way there is: for each sensor, the points of each time laid over each other. */
export interface SeriesModel {
  apply(points: readonly Point[]): { stored: number; duplicates: number; conflicts: number }
  dropBefore(timeMs: number): number
  rows(sensor: string): readonly Pick<SeriesRow, 'timestampMs' | 'values'>[]
  latest(sensor: string): readonly LatestValue[]
}

export function createSeriesModel(): SeriesModel {
  const sensors = new Map<string, Map<number, Map<string, number>>>()

  function applyPoint({ sensor, timestampMs, values }: Point, count: { stored: number; duplicates: number; conflicts: number }) {
    const times = sensors.get(sensor) ?? new Map<number, Map<string, number>>()
    sensors.set(sensor, times)
    const row = times.get(timestampMs) ?? new Map<string, number>()
    times.set(timestampMs, row)
    for (const [metric, value] of values) {
      const before = row.get(metric)
      if (before === undefined) count.stored++
      else if (Object.is(before, value)) count.duplicates++
      else count.conflicts++
      row.set(metric, value)
    }
  }

  function rows(sensor: string) {
    const times = [...(sensors.get(sensor) ?? [])].sort(([a], [b]) => a - b)
    return times.map(([timestampMs, values]) => ({ timestampMs, values }))
  }

  return {
    rows,
    apply(points) {
      const count = { stored: 0, duplicates: 0, conflicts: 0 }
      for (const point of points) applyPoint(point, count)
      return count
    },
    dropBefore(timeMs) {
      let dropped = 0
      for (const times of sensors.values()) {
        for (const ts of times.keys()) if (ts < timeMs && times.delete(ts)) dropped++
      }
      return dropped
    },
    latest(sensor) {
      const newest = new Map<string, LatestValue>()
      for (const { timestampMs, values } of rows(sensor)) {
        for (const [metric, value] of values) newest.set(metric, { metric, timestampMs, value })
      }
      return [...newest.values()].sort((a, b) => (a.metric < b.metric ? -1 : 1))
    },
  }
}
