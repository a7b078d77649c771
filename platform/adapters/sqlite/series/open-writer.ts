import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'
import type { RejectionWriter } from '../../../ports/rejections.ts'
import type { TimeSeriesWriter } from '../../../ports/time-series.ts'
import { inTransaction } from '../database.ts'
import type { NameLimits } from './accept-point.ts'
import { createCatalog } from './catalog.ts'
import { createDropper } from './drop-old.ts'
import { createRejectionIndex, type RejectionLimits } from './index-rejections.ts'
import type { InsertLimits } from './insert-rows.ts'
import { createMover, type MoveLimits } from './move-rows.ts'
import { METRIC_ID_MAX } from './row-data.ts'
import { createSensorStates } from './sensor-states.ts'
import { asUnavailable, openSeriesDatabase } from './series-database.ts'
import { createPointStore } from './store-points.ts'

const CACHE_MIB = 64

export interface SeriesLimits extends NameLimits, InsertLimits, MoveLimits, RejectionLimits {
  /** Sensors, of all tenants, that the writer remembers; past it, it forgets them all and begins anew. 100,000 take some 40 MB. */
  readonly sensorsRememberedMax: number
}

export const SERIES_LIMITS: SeriesLimits = {
  sensorsPerTenantMax: 100_000,
  metricsPerTenantMax: 1_000,
  rejectionsPerTenantMax: 1_000_000,
  sensorsRememberedMax: 200_000,
  freshRowsMax: 100_000,
  moveRowsMax: 10_000,
  busyRowsMin: 8,
}

export interface SeriesRetention {
  /**
   * Deletes rows older than `timeMs` (epoch milliseconds), at most `rowsMax` of them; sensors and metrics without any row left go too.
   * Call it regularly, and again soon while it returns anything: each call looks at up to 10,000 sensors, and goes on where
   * the last one ended.
   *
   * @returns how many rows were deleted.
   * @throws {MillraceError} `time-series.unavailable`.
   */
  dropBefore(timeMs: number, rowsMax: number): number
}

export interface SeriesWriter extends TimeSeriesWriter, RejectionWriter, SeriesRetention {
  close(): void
}

export interface SeriesWriterOptions {
  /** Must exist. */
  readonly folder: string
  readonly limits?: Partial<SeriesLimits>
}

/**
 * Opens series.sqlite for writing. SQLite runs on the calling thread, which must serve no sockets; there must be one writer only.
 *
 * @throws {MillraceError} `store.not-durable`, `store.newer`, `time-series.unavailable`.
 */
export function openSeriesWriter({ folder, limits: changed }: SeriesWriterOptions): SeriesWriter {
  const limits = { ...SERIES_LIMITS, ...changed }
  assert(limits.metricsPerTenantMax <= METRIC_ID_MAX + 1, 'Metric ids have 16 bits.')
  const database = openSeriesDatabase({ folder, isReadOnly: false, cacheMiB: CACHE_MIB })
  let session: Session | undefined

  /** What a session remembers is only true as long as its transactions succeed, so a failed one ends it. */
  function transact<T>(work: (session: Session) => T): T {
    return asUnavailable(() => {
      try {
        if (session !== undefined && session.states.remembered() > limits.sensorsRememberedMax) session = undefined
        session ??= createSession(database, limits)
        const current = session
        return inTransaction(database, () => work(current))
      } catch (error) {
        session = undefined
        throw error
      }
    })
  }

  return {
    async write(points, signal) {
      signal.throwIfAborted()
      return transact(({ store }) => store(points))
    },
    async index(entries) {
      if (entries.length > 0) transact(({ index }) => index(entries))
    },
    dropBefore: (timeMs, rowsMax) => transact(({ drop }) => drop(timeMs, rowsMax)),
    close: () => asUnavailable(() => database.close()),
  }
}

type Session = ReturnType<typeof createSession>

function createSession(database: DatabaseSync, limits: SeriesLimits) {
  const states = createSensorStates(database)
  const catalog = createCatalog(database, states)
  const mover = createMover(database, states, limits)
  return {
    states,
    store: createPointStore(database, { states, catalog, mover, limits }),
    drop: createDropper(database, { states, catalog, mover }),
    index: createRejectionIndex(database, limits),
  }
}
