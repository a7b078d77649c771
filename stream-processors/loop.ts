import { setTimeout } from 'node:timers/promises'
import type { Consumer, LogRecord, PollLimit } from '../platform/ports/event-log.ts'
import { MillraceError } from '../platform/runtime/errors.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { retry } from '../platform/runtime/retry.ts'

/** What a processor does with a batch. Resolves only when its sinks have acknowledged; must be idempotent, since a batch may come again. */
export type Process = (records: readonly LogRecord[], signal: AbortSignal) => Promise<void>

export interface LoopOptions {
  readonly name: string
  readonly consumer: Consumer
  readonly process: Process
  readonly limit: PollLimit
  /** How long to wait after a batch that was not full, so that the next one is larger. */
  readonly gatherMs: number
  readonly log: Logger
  /** Told after each batch that was committed. */
  readonly onBatch: (records: number, durationMs: number) => void
  readonly onRetry: () => void
}

const FIRST_WAIT_MS = 100
const WAIT_MAX_MS = 10_000

/**
 * The one loop of every processor: read, process, write, commit. A sink that is away is waited for, without end and without
 * committing; the log keeps what has not been committed.
 *
 * @returns once `signal` has fired and the batch under way is committed.
 */
export async function runLoop(
  { name, consumer, process, limit, gatherMs, log, onBatch, onRetry }: LoopOptions,
  signal: AbortSignal,
): Promise<void> {
  const policy = {
    firstWaitMs: FIRST_WAIT_MS,
    waitMaxMs: WAIT_MAX_MS,
    attemptsMax: Number.POSITIVE_INFINITY,
    onFailure(error: MillraceError, attempt: number) {
      onRetry()
      log.warn({ processor: name, attempt, code: error.code, err: error }, 'A store is away; the batch is tried again.')
    },
  }
  while (!signal.aborted) {
    const records = await consumer.poll(limit, signal)
    if (records.length === 0) continue
    const startMs = performance.now()
    try {
      await retry(() => process(records, signal), policy, signal)
      await consumer.commit()
      onBatch(records.length, performance.now() - startMs)
    } catch (error) {
      if (isAbort(error)) break
      if (!(error instanceof MillraceError) || error.code !== 'event-log.not-owner') throw error
      log.info({ processor: name }, 'Partitions were dealt out anew; the batch is read again by its new owner.')
    }
    if (records.length < limit.recordsMax && gatherMs > 0)
      await setTimeout(gatherMs, undefined, { signal }).catch(() => undefined)
  }
  await consumer.close()
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'
