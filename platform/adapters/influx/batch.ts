import type { Point, WriteOutcome } from '../../ports/time-series.ts'
import type { InfluxClient } from './client.ts'
import { toLine, toSeenLine } from './line.ts'
import { type NameLimits, refusalOf, type SensorNames, type TenantNames, takeNames } from './names.ts'
import { type Line, type RefusedLine, sendLines } from './send-lines.ts'

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
  if (isNewest || sensor.newestMs === Number.POSITIVE_INFINITY) sensor.newestMs = timestampMs
  if (receivedMs <= sensor.seenMs || (isNewest && receivedMs < sensor.seenMs + HOUR_MS)) return false
  sensor.seenMs = receivedMs
  return true
}

/**
 * Nothing outlives the call: its lines are built, sent and answered for within it, so there is no buffer that an exit could lose, and the
 * caller's own pace is the back pressure.
 */
export function createBatch({ client, bucket, limits }: BatchOptions): Batch {
  const lanes = Array.from({ length: LANES }, (): Line[] => [])
  /** Heard later than ever before. */
  const seen = new Set<SensorNames>()
  const rejected: Rejected[] = []
  let stored = 0

  async function sendLane(lane: readonly Line[], signal: AbortSignal): Promise<readonly RefusedLine[]> {
    const refused: RefusedLine[] = []
    for (let at = 0; at < lane.length; at += LINES_PER_REQUEST) {
      signal.throwIfAborted()
      refused.push(...(await sendLines(client, lane.slice(at, at + LINES_PER_REQUEST), { bucket, precision: 'ms' })))
    }
    return refused
  }

  return {
    add(point, index, names) {
      const refusal = refusalOf(names, point, limits)
      if (refusal !== undefined) {
        rejected.push({ index, ...refusal })
        return
      }
      const sensor = takeNames(names, point)
      lanes[sensor.hash % LANES]?.push({ text: toLine(point, names, sensor), index, values: point.values.size })
      stored += point.values.size
      if (mustNote(sensor, point)) seen.add(sensor)
    },

    async send(signal) {
      for (const sensor of seen) lanes[0]?.push({ text: toSeenLine(sensor), index: -1, values: 0 })
      // What fits into one request is one.
      const isSmall = lanes.reduce((sum, lane) => sum + lane.length, 0) <= LINES_PER_REQUEST
      const sent = isSmall ? [lanes.flat()] : lanes
      // All have ended, one way or the other, when this settles: nothing of a batch arrives after it was given up.
      const ended = await Promise.allSettled(sent.map((lane) => sendLane(lane, signal)))
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
