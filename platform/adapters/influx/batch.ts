import type { Point, WriteOutcome } from '../../ports/time-series.ts'
import type { InfluxClient } from './client.ts'
import { toLine, toSeenLine } from './line.ts'
import { createLines, type Lines } from './lines.ts'
import { type NameLimits, refusalOf, type SensorNames, type TenantNames, takeNames } from './names.ts'
import { type Destination, type RefusedLine, sendInRequests } from './send-lines.ts'
import { fits } from './shape.ts'

export interface BatchOptions {
  readonly client: Pick<InfluxClient, 'write'>
  readonly bucket: string
  readonly limits: NameLimits
  /** Once it has fired, no more requests leave. */
  readonly signal: AbortSignal
  /** Nor when this throws, which is waited for before each of them. */
  readonly mayLeave: (() => Promise<void>) | undefined
}

/** The points of one call that go to one InfluxDB. */
export interface Batch {
  /** @returns true when a request is ready to leave, as soon as the event loop has its turn. */
  add(point: Point, index: number, names: TenantNames): boolean
  /** @throws {MillraceError} `time-series.unavailable` - some of the points may be stored. */
  send(): Promise<Pick<WriteOutcome, 'rejected' | 'stored'>>
  /** To be called where anything has failed. Resolves when nothing is under way any more. */
  giveUp(): Promise<void>
}

/** Requests of one batch that are under way at once. A sensor's lines are always in the same lane, so that its later points win. */
const LANES = 3
const LINES_PER_REQUEST = 5_000
/** So many of a lane leave while the others are still being made: the server needn't wait for the last line to begin. */
const LINES_AHEAD = 1_000

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

/** One request after the other. */
interface Lane {
  lines: Lines
  /** What the requests so far were refused; rejects with the first that failed, behind which no other is sent. */
  sent: Promise<readonly RefusedLine[]>
}

const createLane = (): Lane => ({ lines: createLines(), sent: Promise.resolve([]) })

/** @returns the sensor where the point is like its last one, and needs no more looking at. */
function usual({ sensors }: TenantNames, point: Point): SensorNames | undefined {
  const sensor = sensors.get(point.sensor)
  return sensor !== undefined && fits(sensor.shape, point) ? sensor : undefined
}

/**
 * Nothing outlives the call: its lines are built, sent and answered for within it, so there is no buffer that an exit could lose, and the
 * caller's own pace is the back pressure.
 */
export function createBatch({ client, bucket, limits, signal, mayLeave }: BatchOptions): Batch {
  const lanes = Array.from({ length: LANES }, createLane)
  const [firstLane = createLane()] = lanes
  const to: Destination = { bucket, precision: 'ms', mayLeave }
  let isAhead = false
  /** Heard later than ever before, and when they were before. */
  const seen = new Map<SensorNames, number>()
  const rejected: Rejected[] = []
  let stored = 0

  /** What is there behind all that left before. */
  function leave(lane: Lane): void {
    const { lines, sent } = lane
    lane.sent = sent.then(async (refused) => {
      try {
        return [...refused, ...(await sendInRequests(client, lines, to, { linesMax: LINES_PER_REQUEST, signal }))]
      } finally {
        lines.free()
      }
    })
    // It is looked at when all have ended.
    lane.sent.catch(() => undefined)
  }

  /** What fits into one request is one. */
  function joined(): Lane {
    for (const { lines } of lanes) {
      if (lines === firstLane.lines) continue
      firstLane.lines.addAll(lines)
      lines.free()
    }
    return firstLane
  }

  return {
    add(point, index, names) {
      const sensor = usual(names, point) ?? refusalOf(names, point, limits) ?? takeNames(names, point)
      if ('reason' in sensor) {
        rejected.push({ index, ...sensor })
        return false
      }
      const lane = lanes[sensor.hash % LANES] ?? firstLane
      lane.lines.add(toLine(point, sensor), index, point.values.size)
      stored += point.values.size
      const beforeMs = sensor.seenMs
      if (mustNote(sensor, point) && !seen.has(sensor)) seen.set(sensor, beforeMs)
      if (lane.lines.count < LINES_AHEAD) return false
      isAhead = true
      leave(lane)
      lane.lines = createLines()
      return true
    },

    async giveUp() {
      // When sensors were heard is said again with the next attempt.
      for (const [sensor, beforeMs] of seen) sensor.seenMs = beforeMs
      await Promise.allSettled(lanes.map(({ sent }) => sent))
      for (const { lines } of lanes) lines.free()
    },

    async send() {
      for (const sensor of seen.keys()) firstLane.lines.add(toSeenLine(sensor), -1, 0)
      for (const lane of isAhead ? lanes : [joined()]) leave(lane)
      // All have ended, one way or the other, when this settles: nothing of a batch arrives after it was given up.
      const ended = await Promise.allSettled(lanes.map(({ sent }) => sent))
      for (const end of ended) {
        if (end.status === 'rejected') throw end.reason
        for (const { index, detail, values } of end.value) {
          if (index >= 0) rejected.push({ index, reason: 'store.refused', detail })
          stored -= values
        }
      }
      return { rejected, stored }
    },
  }
}
