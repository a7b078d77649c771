import type { Point, WriteOutcome } from '../../ports/time-series.ts'
import type { InfluxClient } from './client.ts'
import { toLine, toSeenLine } from './line.ts'
import { createLines, type Lines } from './lines.ts'
import { type NameLimits, refusalOf, type SensorNames, type TenantNames, takeNames } from './names.ts'
import { sendInRequests } from './send-lines.ts'
import { fits } from './shape.ts'

export interface BatchOptions {
  readonly client: Pick<InfluxClient, 'write'>
  readonly bucket: string
  readonly limits: NameLimits
}

/** The points of one call that go to one InfluxDB. */
export interface Batch {
  add(point: Point, index: number, names: TenantNames): void
  /** @throws {MillraceError} `time-series.unavailable` - some of the points may be stored. */
  send(signal: AbortSignal): Promise<Pick<WriteOutcome, 'rejected' | 'stored'>>
}

/** Requests of one batch that are under way at once. A sensor's lines are always in the same lane, so that its later points win. */
const LANES = 3
const LINES_PER_REQUEST = 5_000

type Rejected = WriteOutcome['rejected'][number]

const HOUR_MS = 3_600_000

/**
 * The newest point of a sensor tells when it was received; only what is older than that, or may be, needs to be noted beside it, and one point
 * an hour so that the sensor is found at all. Most points need no note.
 */
function mustNote(sensor: SensorNames, { timestampMs, receivedMs }: Point): boolean {
  const isNewest = timestampMs >= sensor.newestMs
  if (isNewest) sensor.newestMs = timestampMs
  if (receivedMs <= sensor.seenMs || (isNewest && receivedMs < sensor.seenMs + HOUR_MS)) return false
  sensor.seenMs = receivedMs
  return true
}

/** What fits into one request is one. */
function joinWhenSmall(lanes: readonly Lines[]): readonly Lines[] {
  const [first, ...others] = lanes
  const isSmall = lanes.reduce((sum, { count }) => sum + count, 0) <= LINES_PER_REQUEST
  if (first === undefined || !isSmall) return lanes
  for (const lane of others) first.addAll(lane)
  return [first]
}

/** @returns the sensor where the point is like its last one, and needs no more looking at. */
function usual({ sensors }: TenantNames, point: Point): SensorNames | undefined {
  const sensor = sensors.get(point.sensor)
  return sensor !== undefined && fits(sensor.shape, point) ? sensor : undefined
}

/**
 * Nothing outlives the call: its lines are built, sent and answered for within it, so there is no buffer that an exit could lose, and the
 * caller's own pace is the back pressure.
 */
export function createBatch({ client, bucket, limits }: BatchOptions): Batch {
  const lanes = Array.from({ length: LANES }, createLines)
  /** Heard later than ever before. */
  const seen = new Set<SensorNames>()
  const rejected: Rejected[] = []
  let stored = 0

  return {
    add(point, index, names) {
      const sensor = usual(names, point) ?? refusalOf(names, point, limits) ?? takeNames(names, point)
      if ('reason' in sensor) {
        rejected.push({ index, ...sensor })
        return
      }
      lanes[sensor.hash % LANES]?.add(toLine(point, sensor), index, point.values.size)
      stored += point.values.size
      if (mustNote(sensor, point)) seen.add(sensor)
    },

    async send(signal) {
      for (const sensor of seen) lanes[0]?.add(toSeenLine(sensor), -1, 0)
      const sent = joinWhenSmall(lanes)
      // All have ended, one way or the other, when this settles: nothing of a batch arrives after it was given up.
      const ended = await Promise.allSettled(
        sent.map((lane) => sendInRequests(client, lane, { bucket, precision: 'ms' }, { linesMax: LINES_PER_REQUEST, signal })),
      )
      for (const lane of lanes) lane.free()
      for (const end of ended) {
        if (end.status === 'rejected') {
          // It is said again with the next attempt.
          for (const sensor of seen) sensor.seenMs = 0
          throw end.reason
        }
        for (const { index, detail, values } of end.value) {
          if (index >= 0) rejected.push({ index, reason: 'store.refused', detail })
          stored -= values
        }
      }
      return { rejected, stored }
    },
  }
}
