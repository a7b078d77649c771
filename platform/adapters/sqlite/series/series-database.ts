import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '../../../runtime/errors.ts'
import { migrateDatabase, openDatabase } from '../database.ts'

/** Settled by measurement: with 4 KiB, a row of 10,000 sensors cost a third more. Counts for a new file only. */
const PAGE_BYTES = 8_192
/** 32 MiB of log between checkpoints, so that a page that many batches touch is copied once. */
const CHECKPOINT_PAGES = 4_000
const WAL_BYTES_KEPT_MAX = 64 * 1_048_576
const OPEN_ATTEMPTS_MAX = 20
const OPEN_PAUSE_MS = 50
/** The low byte of an error code is the kind of error. */
const SQLITE_BUSY = 5

/**
 * `fresh` takes what is written, `reading` keeps it; a row is in one of them, never in both. `data` is described in row-data.ts.
 * `sensor.newest` names every metric of the sensor (see newest-times.ts), `seen` holds when sensors were last heard of (see last-seen.ts).
 * `IF NOT EXISTS`, because a writer and a reader that start together both migrate a new file.
 */
const STEPS = [
  `
  CREATE TABLE IF NOT EXISTS tenant (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, rejections INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS sensor (
    id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id INTEGER NOT NULL, name TEXT NOT NULL, newest BLOB NOT NULL, UNIQUE (tenant_id, name)
  );
  CREATE TABLE IF NOT EXISTS metric (
    tenant_id INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS seen (chunk INTEGER PRIMARY KEY, times BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS fresh (
    sensor_id INTEGER NOT NULL, ts INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (sensor_id, ts)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reading (
    sensor_id INTEGER NOT NULL, ts INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (sensor_id, ts)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS rejection (
    tenant_id INTEGER NOT NULL, time_ms INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, fault INTEGER NOT NULL,
    gateway TEXT NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL, pointer TEXT NOT NULL, detail TEXT NOT NULL,
    PRIMARY KEY (tenant_id, time_ms, partition, offset, fault)
  ) WITHOUT ROWID;
  `,
] as const

export interface SeriesDatabaseOptions {
  /** Must exist. */
  readonly folder: string
  readonly isReadOnly: boolean
  /** Memory for pages of this connection. */
  readonly cacheMiB: number
}

/**
 * The only place where series.sqlite is opened: for writing, it is made and brought to the newest format first.
 *
 * @throws {MillraceError} `store.not-durable`, `store.newer`, `time-series.unavailable`.
 */
export function openSeriesDatabase({ folder, isReadOnly, cacheMiB }: SeriesDatabaseOptions): DatabaseSync {
  const open = () => openDatabase({ path: join(folder, 'series.sqlite'), isReadOnly, cacheMiB, pageBytes: PAGE_BYTES })
  return asUnavailable(() => {
    const database = whenFree(open)
    try {
      if (isReadOnly) return database
      database.exec(`PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}; PRAGMA journal_size_limit=${WAL_BYTES_KEPT_MAX};`)
      migrateDatabase(database, STEPS)
      return database
    } catch (error) {
      database.close()
      throw error
    }
  })
}

/** Two connections that make a new file at once get in each other's way while it turns to WAL; SQLite doesn't wait there by itself. */
function whenFree(open: () => DatabaseSync): DatabaseSync {
  for (let attempt = 1; ; attempt++) {
    try {
      return open()
    } catch (error) {
      if (attempt === OPEN_ATTEMPTS_MAX || !isBusy(error)) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPEN_PAUSE_MS)
    }
  }
}

const isSqliteError = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
const isBusy = (error: unknown): boolean =>
  isSqliteError(error) && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === SQLITE_BUSY

/** Runs `work`; what SQLite reports becomes `time-series.unavailable` with its cause. Bugs pass through unchanged. */
export function asUnavailable<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!isSqliteError(cause)) throw cause
    throw new MillraceError('time-series.unavailable', `The time-series store failed: ${cause.message}. Retry.`, { cause })
  }
}
