import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { MillraceError } from '../../runtime/errors.ts'

/** Readers never wait; a second writer to a file is a person with a tool. */
const BUSY_TIMEOUT_MS = 10_000
const SYNCHRONOUS_FULL = 2
/** https://sqlite.org/rescode.html */
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

export interface DatabaseOptions {
  readonly path: string
  readonly isReadOnly: boolean
  /** Memory for pages of this connection. */
  readonly cacheMiB: number
  /** Only counts for a new file. */
  readonly pageBytes?: number
}

/**
 * Opens an SQLite file as every store of ours must be: write-ahead log, and `synchronous=FULL`, so that a commit survives
 * a power cut (with `NORMAL`, 500 of 500 committed rows were lost in a simulated one). Both are read back and asserted.
 *
 * node:sqlite is synchronous: call this only on a thread that serves no sockets.
 *
 * @throws {MillraceError} `store.not-durable` when the file system or the build of SQLite refuses one of them, `store.damaged` when
 *   the file is no database.
 */
export function openDatabase({ path, isReadOnly, cacheMiB, pageBytes = 4096 }: DatabaseOptions): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: isReadOnly, enableForeignKeyConstraints: true, timeout: BUSY_TIMEOUT_MS })
  try {
    return explainDamage(path, () => {
      if (!isReadOnly) database.exec(`PRAGMA page_size=${pageBytes}; PRAGMA journal_mode=WAL;`)
      database.exec(`PRAGMA synchronous=FULL; PRAGMA cache_size=-${cacheMiB * 1024}; PRAGMA temp_store=MEMORY;`)
      assertDurable(database, path)
      return database
    })
  } catch (error) {
    database.close()
    throw error
  }
}

function assertDurable(database: DatabaseSync, path: string): void {
  const journal = database.prepare('PRAGMA journal_mode').get()?.journal_mode
  const synchronous = database.prepare('PRAGMA synchronous').get()?.synchronous
  if (journal === 'wal' && synchronous === SYNCHRONOUS_FULL) return
  throw new MillraceError(
    'store.not-durable',
    `${path} runs with journal_mode=${journal} and synchronous=${synchronous}, not with WAL and FULL. Put the data folder on a local disk that Millrace may write to.`,
  )
}

/** Applies the statements that this file doesn't have yet; `PRAGMA user_version` counts them. Run inside one transaction each. */
export function migrateDatabase(database: DatabaseSync, steps: readonly string[]): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0)
  if (version > steps.length) {
    throw new MillraceError(
      'store.newer',
      `The store was written by a newer Millrace (format ${version}, known ${steps.length}). Start that one.`,
    )
  }
  for (const [index, step] of steps.entries()) {
    if (index >= version) inTransaction(database, () => database.exec(`${step}; PRAGMA user_version=${index + 1};`))
  }
}

/** The kind of failure, without its details (https://sqlite.org/rescode.html); undefined when it isn't SQLite's. */
export function sqliteErrorKind(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
}

/** Runs `work`; what SQLite says of a damaged file becomes `store.damaged`, everything else passes through. */
export function explainDamage<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const kind = sqliteErrorKind(cause)
    if (!(cause instanceof Error) || (kind !== SQLITE_CORRUPT && kind !== SQLITE_NOTADB)) throw cause
    throw new MillraceError(
      'store.damaged',
      `${path} is damaged: ${cause.message}. Examine the stores with millrace doctor, and restore this one from a backup.`,
      { cause },
    )
  }
}

/** Runs `work` in a transaction that holds the write lock from the start; rolls back when it throws. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** Columns as node:sqlite returns them. */
export type Cell = ReturnType<StatementSync['get']> extends infer R ? (R extends Record<string, infer V> ? V : never) : never

export function asNumber(cell: Cell | undefined): number {
  if (typeof cell === 'number') return cell
  throw new TypeError(`Expected a number in a column, found ${typeof cell}.`)
}

export function asText(cell: Cell | undefined): string {
  if (typeof cell === 'string') return cell
  throw new TypeError(`Expected text in a column, found ${typeof cell}.`)
}

export function asBytes(cell: Cell | undefined): Uint8Array {
  if (cell instanceof Uint8Array) return cell
  throw new TypeError(`Expected bytes in a column, found ${typeof cell}.`)
}
