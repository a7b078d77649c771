import type { Quality, TimeSource } from '../../schemas/reading.ts'
import type { RejectionEntry } from './rejections.ts'
import type { TenantScope } from './tenant-scope.ts'

/** One sensor at one time: the values of one or more of its metrics. (tenant, sensor, metric, timestampMs) identifies a reading. */
export interface Point {
  readonly tenant: string
  readonly sensor: string
  /** Epoch milliseconds, UTC. */
  readonly timestampMs: number
  readonly receivedMs: number
  readonly timeSource: TimeSource
  /** Absent is good. Holds for each value of the point. */
  readonly quality?: Quality
  readonly sequence?: number
  /** Finite floats by metric; at least one. */
  readonly values: ReadonlyMap<string, number>
}

/** `rejected` points will never be accepted: dead-letter them. Every other point is stored. */
export interface WriteOutcome {
  readonly rejected: readonly { readonly index: number; readonly reason: string; readonly detail: string }[]
  /** Values that were new. A store that can't tell counts every accepted value here, and none below. */
  readonly stored: number
  /** Values that were there already, bit for bit. */
  readonly duplicates: number
  /** Values that replaced another value of the same reading: the last one written wins. */
  readonly conflicts: number
}

export interface TimeSeriesWriter {
  /**
   * Stores a batch and resolves only after the store has made it durable.
   * Idempotent: a retried batch is harmless. Within a batch, later points win.
   *
   * @param points  Gone through once for each call. Points that are made on the way are garbage at once, which is cheap; a batch of them at rest isn't.
   * @param mayLeave  Waited for right before anything leaves for a store elsewhere; what it throws is thrown on.
   * @throws {MillraceError} `time-series.unavailable` - assume nothing was stored, retry the batch.
   */
  write(points: Iterable<Point>, signal: AbortSignal, mayLeave?: () => Promise<void>): Promise<WriteOutcome>
}

/**
 * For a store that may lose what it has acknowledged, by a fault of its own: so that it is noticed, and mended from the event log.
 * All throw {MillraceError} `time-series.unavailable`.
 */
export interface ReadBack {
  /** Changes whenever a server of the store was started anew. What it held in memory alone is gone then. */
  epoch(): Promise<string>
  /** Which of these points the store holds no value of, by their index. Points that it would refuse count as held. */
  missing(points: readonly Point[], signal: AbortSignal): Promise<readonly number[]>
  /** Which of these rejections its index doesn't hold, by their index here. */
  missingRejections(entries: readonly RejectionEntry[], signal: AbortSignal): Promise<readonly number[]>
}

/** What a reader gets back: one row per timestamp, with the asked metrics that have a value there. */
export interface SeriesRow {
  readonly timestampMs: number
  readonly receivedMs: number
  readonly timeSource: TimeSource
  readonly sequence?: number
  readonly values: ReadonlyMap<string, number>
  /** Only metrics whose quality isn't good. */
  readonly qualities?: ReadonlyMap<string, Quality>
}

export interface RangeQuery {
  readonly sensor: string
  /** Empty means all metrics of the sensor. */
  readonly metrics: readonly string[]
  /** Half-open: `[fromMs, toMs)`. */
  readonly fromMs: number
  readonly toMs: number
  /** At most this many rows; positive. */
  readonly limit: number
}

export interface LatestValue {
  readonly metric: string
  readonly timestampMs: number
  readonly value: number
  readonly quality?: Quality
}

export interface LatestOfSensor {
  readonly sensor: string
  /** When a reading of this sensor was last received, epoch milliseconds. */
  readonly lastSeenMs: number
  /** The newest value of each metric, by name. */
  readonly values: readonly LatestValue[]
}

export interface TimeSeriesReader {
  /** Rows that hold at least one of the asked metrics, oldest first. Ask again from the last timestamp + 1 for more. */
  range(scope: TenantScope, query: RangeQuery, signal: AbortSignal): Promise<readonly SeriesRow[]>
  /** The newest value of each metric of these sensors (at most 1,000 at once); sensors without any reading are left out. */
  latest(scope: TenantScope, sensors: readonly string[], signal: AbortSignal): Promise<readonly LatestOfSensor[]>
}
