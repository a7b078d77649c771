import type { RejectionEntry, RejectionWriter } from '../platform/ports/rejections.ts'
import type { Point, ReadBack, TimeSeriesWriter } from '../platform/ports/time-series.ts'
import { toEntries } from './index-rejections.ts'
import type { Restoring } from './read-back.ts'
import { readPoints } from './read-points.ts'

/** Of `readings.v1`: the first point of a record stands for all of it. */
export function restoringReadings(series: TimeSeriesWriter, { missing }: ReadBack): Restoring<Point> {
  return {
    what: 'readings',
    sampleOf: (record) => readPoints(record)?.points[0],
    missing,
    async restore(records, signal, untilOwner) {
      await series.write(
        records.flatMap((record) => readPoints(record)?.points ?? []),
        signal,
        untilOwner,
      )
    },
  }
}

/** Of `rejected.v1`: the index holds all faults of a record as one. */
export function restoringRejections(rejections: RejectionWriter, { missingRejections }: ReadBack): Restoring<RejectionEntry> {
  return {
    what: 'rejections',
    sampleOf: (record) => toEntries(record)[0],
    missing: missingRejections,
    async restore(records) {
      const entries = records.flatMap(toEntries)
      if (entries.length > 0) await rejections.index(entries)
    },
  }
}
