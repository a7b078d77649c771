import type { EventLogWriter, LogRecord, NewRecord } from '../platform/ports/event-log.ts'
import type { Sensor, SensorStore } from '../platform/ports/metadata.ts'
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

/** Where the points of a source begin in the batch; ascending. */
type PlacedSource = Source & { readonly start: number }

/** What a batch of records holds. */
interface Batch {
  readonly points: readonly Point[]
  readonly sources: readonly PlacedSource[]
  readonly unreadable: readonly LogRecord[]
}

/**
 * From `readings.v1` to the time-series store. What the store refuses for good goes to `rejected.v1` before anything is committed; new sensors are
 * registered. All of it may run again for the same records.
 */
export function createStoreReadings({ series, eventLog, sensors }: StoreReadingsPorts, metrics: ProcessMetrics): Process {
  const known = createKnownSensors(sensors)

  return async (records, signal) => {
    const batch = readBatch(records)
    const outcome = batch.points.length > 0 ? await series.write(batch.points, signal) : NOTHING_WRITTEN
    metrics.stored(outcome)
    for (const sensor of storedSensors(batch, outcome)) known.note(sensor)
    await known.flush()
    // Last, because a rejection that is appended twice is shown twice; everything before it may be repeated.
    const refused = [
      ...batch.unreadable.map((record) => storeRejection(record, record.value, [UNREADABLE])),
      ...rejections(outcome, batch.sources),
    ]
    if (refused.length > 0) await eventLog.append(refused)
    metrics.refused(outcome.rejected.length, batch.unreadable.length)
    metrics.newest(batch.sources.reduce((newestMs, { read }) => Math.max(newestMs, read.envelope.receivedMs), 0))
  }
}

const NOTHING_WRITTEN: WriteOutcome = { rejected: [], stored: 0, duplicates: 0, conflicts: 0 }

function readBatch(records: readonly LogRecord[]): Batch {
  const points: Point[] = []
  const sources: PlacedSource[] = []
  const unreadable: LogRecord[] = []
  for (const record of records) {
    const read = readPoints(record)
    if (read === undefined) {
      unreadable.push(record)
      continue
    }
    sources.push({ record, read, start: points.length })
    for (const point of read.points) points.push(point)
  }
  return { points, sources, unreadable }
}

function* storedSensors({ sources }: Batch, { rejected }: WriteOutcome): Generator<Sensor> {
  const rejectedIndexes = new Set(rejected.map(({ index }) => index))
  for (const { read, start } of sources) {
    for (const [index, { tenant, sensor, receivedMs }] of read.points.entries()) {
      if (!rejectedIndexes.has(start + index)) yield { tenant, id: sensor, gateway: read.from.gateway, firstSeenMs: receivedMs }
    }
  }
}

const UNREADABLE: Fault = { reason: 'record.unreadable', pointer: '', detail: 'unknown version or damaged bytes' }

/** One rejected record for each source record that has refused points. */
function rejections({ rejected }: WriteOutcome, sources: readonly PlacedSource[]): readonly NewRecord[] {
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
