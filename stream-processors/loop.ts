import { setTimeout } from 'node:timers/promises'
import { type LogRecord, type PollLimit, sizeOfAll } from '../platform/ports/event-log.ts'
import { crashPoint } from '../platform/runtime/crash-points.ts'
import { isNotOwner } from '../platform/runtime/ownership.ts'
import { type RetryPolicy, retry } from '../platform/runtime/retry.ts'
import { GIVEN_UP, untilGrace } from './stop-grace.ts'
import { type Held, hold } from './until-owner.ts'
import { createUpkeepRounds, type UpkeepOptions } from './upkeep-rounds.ts'

/** What a processor does with a batch. Resolves only when its sinks have acknowledged; must be idempotent, since a batch may come again. */
export type Process = (records: readonly LogRecord[], signal: AbortSignal, batch: Held) => Promise<void>

export interface LoopOptions extends UpkeepOptions {
  readonly process: Process
  readonly limit: PollLimit
  /** A batch that was not full is followed by the next one after so long at the earliest, counted from its own poll: so that that one is larger. */
  readonly gatherMs: number
  /** Told after each batch that was committed. */
  readonly onBatch: (records: number, durationMs: number) => void
  readonly onRetry: () => void
}

const FIRST_WAIT_MS = 100
const WAIT_MAX_MS = 10_000
/** What is under way when the loop is told to stop may take this much longer. Given up, it is read again at the next start. */
const STOP_GRACE_MS = 800

/**
 * The one loop of every processor: read, process, write, commit. A store that is away is waited for, without end and without
 * committing; the log keeps what has not been committed.
 *
 * @returns once `signal` has fired and the batch under way is committed, or given up.
 * @throws what `process` throws and retrying can't mend; nothing of that batch is committed.
 */
export async function runLoop(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { name, limit, gatherMs, log } = options
  const policy = retryPolicy(options)
  const rounds = createUpkeepRounds(options)
  try {
    while (!signal.aborted) {
      await untilGrace(rounds.run(signal), STOP_GRACE_MS, signal)
      const records = await untilGrace(
        retry(() => rounds.poll(limit, signal), policy, signal),
        STOP_GRACE_MS,
        signal,
      )
      if (records === GIVEN_UP || records.length === 0) continue
      const polledMs = performance.now()
      const outcome = await untilGrace(workOff(records, options, policy, signal), STOP_GRACE_MS, signal)
      if (outcome === GIVEN_UP) log.warn(name, 'The batch under way is given up; it is read again at the next start.')
      const waitMs = gatherMs - (performance.now() - polledMs)
      if (waitMs > 0 && !isFull(records, limit)) await setTimeout(waitMs, undefined, { signal })
    }
  } catch (error) {
    // An abort that isn't ours is a failure like any other: taken for a stop, it would end the processor in silence.
    if (!signal.aborted || !isAbort(error)) throw error
  } finally {
    await untilGrace(leave(options), STOP_GRACE_MS, signal)
  }
}

async function workOff(
  records: readonly LogRecord[],
  { name, consumer, process, log, onBatch, onRetry }: LoopOptions,
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<void> {
  const batch = hold(consumer.ownership(), signal, (error) => {
    onRetry()
    log.warn({ ...name, code: error.code, err: error }, 'The batch waits until it is known whose it is.')
  })
  const startMs = performance.now()
  const store = async (): Promise<void> => {
    await batch.untilOwner()
    await process(records, signal, batch)
  }
  const isStored = await retry(() => asOwner(store), policy, signal)
  const isCommitted = isStored && (await retry(() => asOwner(() => consumer.commit()), policy, signal))
  crashPoint('process.after-commit')
  if (isCommitted) onBatch(records.length, performance.now() - startMs)
  else log.info(name, 'Partitions were dealt out anew; the batch is read again by its new owner.')
}

/** @returns false when the partitions have gone to another consumer; then trying again would be of no use. */
async function asOwner(work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (isNotOwner(error)) return false
    throw error
  }
}

async function leave({ name, consumer, log }: LoopOptions): Promise<void> {
  try {
    await consumer.close()
  } catch (error) {
    log.warn({ ...name, err: error }, 'The consumer group could not be left; the log finds out by itself.')
  }
}

function retryPolicy({ name, log, onRetry }: LoopOptions): RetryPolicy {
  return {
    firstWaitMs: FIRST_WAIT_MS,
    waitMaxMs: WAIT_MAX_MS,
    attemptsMax: Number.POSITIVE_INFINITY,
    onFailure(error, attempt) {
      onRetry()
      log.warn(
        { ...name, attempt, code: error.code, err: error },
        'A store, or the event log, is away; the batch is tried again.',
      )
    },
  }
}

/** More than half of the bytes counts: the record that didn't fit may have been a large one, and the next batch will be no small one. */
function isFull(records: readonly LogRecord[], { recordsMax, bytesMax }: PollLimit): boolean {
  return records.length >= recordsMax || sizeOfAll(records) * 2 > bytesMax
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'
