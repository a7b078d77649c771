import type { RejectionEntry, RejectionReader } from '../../../ports/rejections.ts'
import { assertScope } from '../../../ports/tenant-scope.ts'
import type { LatestOfSensor, SeriesRow, TimeSeriesReader } from '../../../ports/time-series.ts'
import { MillraceError } from '../../../runtime/errors.ts'
import { startThread } from '../../../runtime/thread.ts'
import type { RejectionPage } from './read-rejections.ts'
import type { ReaderHandlers } from './reader-thread.ts'
import { type RowPage, unpackRows } from './row-page.ts'
import { createThreadPool } from './thread-pool.ts'

const THREADS = 2
/** Calls that wait for a thread; further ones are refused. */
const WAITING_MAX = 256
/** Rows or entries of one call. A page of the API has at most 10,000 and one more; the rest is for those who read in bulk. */
export const ROWS_MAX = 50_000
export const SENSORS_MAX = 1_000
/** Sensors that a thread is asked for at once, so that long lists and short ones take turns. */
const SENSORS_PER_CALL = 100
const UNAVAILABLE = 'time-series.unavailable'

export interface SeriesReader extends TimeSeriesReader, RejectionReader {
  close(): Promise<void>
}

export interface SeriesReaderOptions {
  /** Must exist; the file is made where there is none. */
  readonly folder: string
  readonly threads?: number
  readonly waitingMax?: number
  /** A thread ended by itself: the process must stop. */
  readonly onDeath: (error: Error) => void
}

/**
 * Opens series.sqlite for reading, on threads of its own. What was written is seen as soon as `write` has resolved.
 * Every method refuses a forged scope with a TypeError, more than `ROWS_MAX` rows or `SENSORS_MAX` sensors with
 * `query.invalid`, and too many calls at once with `time-series.unavailable`.
 *
 * @throws {MillraceError} `store.not-durable`, `store.newer`, `time-series.unavailable`.
 */
export async function openSeriesReader(options: SeriesReaderOptions): Promise<SeriesReader> {
  const pool = await startPool(options)

  return {
    async range(scope, query, signal) {
      assertScope(scope)
      checkCount(query.limit, ROWS_MAX)
      return pool.run(signal, async (ask) => {
        const rows: SeriesRow[] = []
        let fromMs: number | undefined = query.fromMs
        while (fromMs !== undefined && rows.length < query.limit) {
          const page: RowPage = await ask('range', { ...query, tenant: scope.tenant, fromMs, limit: query.limit - rows.length })
          unpackRows(page, rows)
          fromMs = page.resumeMs
        }
        return rows
      })
    },

    async latest(scope, sensors, signal) {
      assertScope(scope)
      const names = [...new Set(sensors)]
      if (names.length > 0) checkCount(names.length, SENSORS_MAX)
      return pool.run(signal, async (ask) => {
        const found: LatestOfSensor[] = []
        for (let at = 0; at < names.length; at += SENSORS_PER_CALL) {
          found.push(...(await ask('latest', scope.tenant, names.slice(at, at + SENSORS_PER_CALL))))
        }
        return found
      })
    },

    async rejections(scope, query, signal) {
      assertScope(scope)
      checkCount(query.limit, ROWS_MAX)
      return pool.run(signal, async (ask) => {
        const entries: RejectionEntry[] = []
        let next: typeof query | undefined = query
        while (next !== undefined && entries.length < query.limit) {
          const page: RejectionPage = await ask('rejections', scope.tenant, { ...next, limit: query.limit - entries.length })
          entries.push(...page.entries)
          next = page.resumeAfter && { ...query, after: page.resumeAfter }
        }
        return entries
      })
    },

    async rejection(scope, key, signal) {
      assertScope(scope)
      return pool.run(signal, (ask) => ask('rejection', scope.tenant, key))
    },

    close: () => pool.close(),
  }
}

function checkCount(count: number, max: number): void {
  if (Number.isInteger(count) && count > 0 && count <= max) return
  throw new MillraceError('query.invalid', `Ask for 1 to ${max} at once, not for ${count}.`)
}

async function startPool({ folder, threads: count = THREADS, waitingMax = WAITING_MAX, onDeath }: SeriesReaderOptions) {
  const threads = Array.from({ length: count }, () =>
    startThread<ReaderHandlers>({
      module: new URL('./reader-thread.ts', import.meta.url),
      data: {},
      unavailable: UNAVAILABLE,
      onDeath(error) {
        pool.fail(error.message)
        onDeath(error)
      },
    }),
  )
  const pool = createThreadPool({ threads, waitingMax, unavailable: UNAVAILABLE })
  const opened = await Promise.allSettled(threads.map((thread) => thread.call('open', folder)))
  const failed = opened.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    await Promise.all(threads.map((thread) => thread.terminate()))
    throw failed.reason
  }

  return {
    ...pool,
    /** Ends waiting calls, lets those at work finish, then ends the threads. */
    async close(): Promise<void> {
      pool.fail('The time-series reader is closed.')
      await Promise.allSettled(threads.map((thread) => thread.call('close')))
      await Promise.all(threads.map((thread) => thread.terminate()))
    },
  }
}
