import type { Stage } from '../../schemas/rejection.ts'
import type { TenantScope } from './tenant-scope.ts'

/** One fault of one message, as the index keeps it. The message itself stays in the event log, at `topic`/`partition`/`offset`. */
export interface RejectionEntry {
  readonly tenant: string
  readonly gateway: string
  readonly timeMs: number
  readonly stage: Stage
  readonly reason: string
  /** JSON pointer (RFC 6901) to the place in the message; empty for the whole of it. */
  readonly pointer: string
  readonly detail: string
  /** Where the rejected record lies on `rejected.v1`. */
  readonly partition: number
  readonly offset: number
  /** Which fault of that record, from 0. */
  readonly fault: number
}

export interface RejectionQuery {
  readonly fromMs: number
  readonly toMs: number
  readonly gateway?: string
  readonly reason?: string
  readonly limit: number
  /** Goes on behind this entry. */
  readonly after?: RejectionKey
}

/** Identifies an entry, and orders entries of the same time. */
export interface RejectionKey {
  readonly timeMs: number
  readonly partition: number
  readonly offset: number
  readonly fault: number
}

/** So that a tenant can be shown what was refused, and why, without reading the whole log. */
export interface RejectionWriter {
  /** Durable when it resolves; idempotent by (partition, offset, fault). All faults of one record come in one call. @throws {MillraceError} `time-series.unavailable` - retry. */
  index(entries: readonly RejectionEntry[]): Promise<void>
}

export interface RejectionReader {
  /** Newest first. */
  rejections(scope: TenantScope, query: RejectionQuery, signal: AbortSignal): Promise<readonly RejectionEntry[]>
  rejection(scope: TenantScope, key: RejectionKey, signal: AbortSignal): Promise<RejectionEntry | undefined>
}
