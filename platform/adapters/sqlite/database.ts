import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { MillraceError } from '../../runtime/errors.ts'

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
 * @throws {MillraceError} `store.not-durable` when the file system or the build of SQLite refuses one of them.
 */
export function openDatabase({ path, isReadOnly, cacheMiB, pageBytes = 4096 }: DatabaseOptions): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: isReadOnly, enableForeignKeyConstraints: true, timeout: 10_000 })
  if (!isReadOnly) database.exec(`PRAGMA page_size=${pageBytes}; PRAGMA journal_mode=WAL;`)
  database.exec(`PRAGMA synchronous=FULL; PRAGMA cache_size=-${cacheMiB * 1024}; PRAGMA temp_store=MEMORY;`)
  const journal = database.prepare('PRAGMA journal_mode').get()?.journal_mode
  const synchronous = database.prepare('PRAGMA synchronous').get()?.synchronous
  if (journal === 'wal' && synchronous === 2) return database
  database.close()
  throw new MillraceError(
    'store.not-durable',
    `${path} runs with journal_mode=${journal} and synchronous=${synchronous}, not with WAL and FULL.`,
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
