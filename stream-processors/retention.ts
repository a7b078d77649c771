import { setTimeout, setImmediate as turn } from 'node:timers/promises'
import type { Logger } from '../platform/runtime/log.ts'

/** A store that deletes when it is told to. InfluxDB does it by itself. */
export interface Retention {
  /** Deletes at most `rowsMax` rows older than `timeMs`; returns how many. */
  dropBefore(timeMs: number, rowsMax: number): number
}

export interface KeepRetentionOptions {
  readonly retention: Retention
  readonly days: number
  readonly log: Logger
  /** A minute when left out. */
  readonly everyMs?: number
}

const DAY_MS = 86_400_000
const EVERY_MS = 60_000
/** Some 10 ms of work: batches wait no longer than that. */
const ROWS_PER_SLICE = 2_000

/** Deletes readings that are past the retention, a slice at a time, for as long as the processors run. */
export async function keepRetention(
  { retention, days, log, everyMs = EVERY_MS }: KeepRetentionOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      let dropped = 0
      for (let last = ROWS_PER_SLICE; last === ROWS_PER_SLICE && !signal.aborted; dropped += last) {
        last = retention.dropBefore(Date.now() - days * DAY_MS, ROWS_PER_SLICE)
        await turn()
      }
      if (dropped > 0) log.info({ rows: dropped }, 'Readings past the retention were deleted.')
    } catch (error) {
      log.warn({ err: error }, 'Old readings could not be deleted; tried again later.')
    }
    await setTimeout(everyMs, undefined, { signal }).catch(() => undefined)
  }
}
