import type { EventLogWriter, LogRecord, NewRecord } from '../platform/ports/event-log.ts'
import type { SensorStore } from '../platform/ports/metadata.ts'
import type { Point, TimeSeriesWriter, WriteOutcome } from '../platform/ports/time-series.ts'
import { type Fault, isReason } from '../schemas/rejection.ts'
import { createKnownSensors } from './known-sensors.ts'
import type { Process } from './loop.ts'
import type { ProcessMetrics } from './metrics.ts'
import { type RecordPoints, readPoints } from './read-points.ts'
import { storeRejection } from './store-rejection.ts'

export interface StoreReadingsPorts {
  readonly series: TimeSeriesWriter
  readonly eventLog: EventLogWriter
  readonly sensors: Pick<SensorStore, 'recordSensors'>
}

interface Source {
  readonly record: LogRecord
  readonly read: RecordPoints
}

/**
 * From `readings.v1` to the time-series store. What the store refuses for good goes to `rejected.v1` before anything is committed; new sensors are
 * registered. All of it may run again for the same records.
 */
export function createStoreReadings({ series, eventLog, sensors }: StoreReadingsPorts, metrics: ProcessMetrics): Process {
  const known = createKnownSensors(sensors)

  return async (records, signal) => {
    const points: Point[] = []
    /** Where the points of a source begin in `points`; ascending. */
    const sources: (Source & { readonly start: number })[] = []
    const refused: NewRecord[] = []
    for (const record of records) {
      const read = readPoints(record)
      if (read === undefined) {
        refused.push(storeRejection(record, record.value, [UNREADABLE]))
        continue
      }
      sources.push({ record, read, start: points.length })
      for (const point of read.points) points.push(point)
      metrics.newest(read.envelope.receivedMs)
    }

    const outcome: WriteOutcome =
      points.length > 0 ? await series.write(points, signal) : { rejected: [], stored: 0, duplicates: 0, conflicts: 0 }
    const rejectedIndexes = new Set(outcome.rejected.map(({ index }) => index))
    for (const { read, start } of sources) {
      for (const [index, { tenant, sensor, receivedMs }] of read.points.entries()) {
        if (!rejectedIndexes.has(start + index))
          known.note({ tenant, id: sensor, gateway: read.from.gateway, firstSeenMs: receivedMs })
      }
    }
    refused.push(...rejections(outcome, sources))
    if (refused.length > 0) await eventLog.append(refused)
    await known.flush()
    metrics.stored(outcome)
  }
}

const UNREADABLE: Fault = { reason: 'record.unreadable', pointer: '', detail: 'unknown version or damaged bytes' }

/** One rejected record for each source record that has refused points. */
function rejections({ rejected }: WriteOutcome, sources: readonly (Source & { readonly start: number })[]): readonly NewRecord[] {
  const faultsBySource = new Map<Source, Fault[]>()
  let position = 0
  for (const { index, reason, detail } of rejected.toSorted((left, right) => left.index - right.index)) {
    while ((sources[position + 1]?.start ?? Number.POSITIVE_INFINITY) <= index) position++
    const source = sources[position]
    if (source === undefined) continue
    const faults = faultsBySource.get(source) ?? []
    faultsBySource.set(source, faults)
    faults.push({ reason: isReason(reason) ? reason : 'store.refused', pointer: `/readings/${index - source.start}`, detail })
  }
  return [...faultsBySource].map(([{ record, read }, faults]) => storeRejection(record, read.envelope.payload, faults))
}
