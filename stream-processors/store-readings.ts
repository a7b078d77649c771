import type { EventLogWriter, LogRecord, NewRecord } from '../platform/ports/event-log.ts'
import type { SensorStore } from '../platform/ports/metadata.ts'
import type { Point, TimeSeriesWriter, WriteOutcome } from '../platform/ports/time-series.ts'
import { crashPoint } from '../platform/runtime/crash-points.ts'
import { decodeEnvelope } from '../schemas/envelope.ts'
import { type Fault, isReason } from '../schemas/rejection.ts'
import type { GatewayName } from '../schemas/topics.ts'
import { createKnownSensors, type KnownSensors } from './known-sensors.ts'
import type { Process } from './loop.ts'
import type { ProcessMetrics } from './metrics.ts'
import { readPoints } from './read-points.ts'
import { storeRejection } from './store-rejection.ts'

export interface StoreReadingsPorts {
  readonly series: TimeSeriesWriter
  readonly eventLog: EventLogWriter
  readonly sensors: Pick<SensorStore, 'recordSensors'>
}

/** A record whose points are in the batch from `start` on. */
interface Source {
  readonly record: LogRecord
  readonly from: GatewayName
  readonly receivedMs: number
  readonly start: number
}

/**
 * From `readings.v1` to the time-series store. What the store refuses for good goes to `rejected.v1` before anything is committed; new sensors are
 * registered. All of it may run again for the same records.
 */
export function createStoreReadings(
  { series, eventLog, sensors }: StoreReadingsPorts,
  metrics: ProcessMetrics,
  cell: string,
): Process {
  const known = createKnownSensors(sensors)

  return async (records, signal, { untilOwner }) => {
    const batch = createBatch(records)
    crashPoint('process.before-write')
    const outcome = await series.write(batch.points(), signal, untilOwner)
    crashPoint('process.after-write')
    metrics.stored(outcome)
    noteSensors(known, batch, outcome)
    await known.flush()
    crashPoint('process.after-sensors')
    // Last, because a rejection that is appended twice is shown twice; everything before it may be repeated.
    const refused = [
      ...batch.unreadable.map((record) => storeRejection(record, record.value, [UNREADABLE])),
      ...rejections(outcome, batch.sources),
    ]
    if (refused.length > 0) {
      await untilOwner()
      await eventLog.append(refused)
    }
    crashPoint('process.after-rejected')
    metrics.refused(outcome.rejected.length, batch.unreadable.length)
    metrics.newest(
      cell,
      batch.sources.reduce((newestMs, { receivedMs }) => Math.max(newestMs, receivedMs), 0),
    )
  }
}

/** What a batch of records holds. All but the records is known once its points have been gone through. */
interface Batch {
  points(): Generator<Point>
  readonly sources: readonly Source[]
  /** Of each point. */
  readonly sensors: readonly string[]
  readonly unreadable: readonly LogRecord[]
}

function createBatch(records: readonly LogRecord[]): Batch {
  const sources: Source[] = []
  const sensors: string[] = []
  const unreadable: LogRecord[] = []

  function* points(): Generator<Point> {
    for (const record of records) {
      const read = readPoints(record)
      if (read === undefined) {
        unreadable.push(record)
        continue
      }
      const { from, envelope } = read
      sources.push({ record, from, receivedMs: envelope.receivedMs, start: sensors.length })
      for (const point of read.points) {
        sensors.push(point.sensor)
        yield point
      }
    }
  }
  return { points, sources, sensors, unreadable }
}

function noteSensors(known: KnownSensors, { sources, sensors }: Batch, { rejected }: WriteOutcome): void {
  const rejectedIndexes = new Set(rejected.map(({ index }) => index))
  let index = 0
  for (const [position, { from, receivedMs }] of sources.entries()) {
    const end = sources[position + 1]?.start ?? sensors.length
    for (; index < end; index++) {
      const sensor = sensors[index]
      if (sensor !== undefined && !rejectedIndexes.has(index)) known.note(from, sensor, receivedMs)
    }
  }
}

const UNREADABLE: Fault = { reason: 'record.unreadable', pointer: '', detail: 'unknown version or damaged bytes' }

/** One rejected record for each source record that has refused points. */
function rejections({ rejected }: WriteOutcome, sources: readonly Source[]): readonly NewRecord[] {
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
  return [...faultsBySource].map(([{ record }, faults]) =>
    storeRejection(record, decodeEnvelope(record.value)?.payload ?? record.value, faults),
  )
}
