// The thread that owns metadata.sqlite: node:sqlite is synchronous, and an fsync must not hold up who serves sockets.
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { MillraceError } from '../../../runtime/errors.ts'
import { answer } from '../../../runtime/thread.ts'
import { openDatabase } from '../database.ts'
import type { Statement } from './calls.ts'

const CACHE_MIB = 8
/** Prepared statements that are kept. The stores have some forty; batches of every length add theirs. */
const PREPARED_MAX = 128

const { path }: { path: string } = workerData
let database: DatabaseSync | undefined
const prepared = new Map<string, StatementSync>()

function opened(): DatabaseSync {
  if (database) return database
  throw new MillraceError('metadata.unavailable', 'The metadata store is closed.')
}

function prepare(sql: string): StatementSync {
  const statement = prepared.get(sql) ?? opened().prepare(sql)
  // Put behind the others: the first of the map is the one that was used longest ago.
  prepared.delete(sql)
  prepared.set(sql, statement)
  const [oldest] = prepared.keys()
  if (prepared.size > PREPARED_MAX && oldest !== undefined) prepared.delete(oldest)
  return statement
}

function asParameter(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || value instanceof Uint8Array) return value
  throw new TypeError(`SQLite stores text, numbers, bytes and null, not ${typeof value}.`)
}

if (!parentPort) throw new Error('This module runs as a thread only.')
answer(
  parentPort,
  {
    open() {
      database = openDatabase({ path, isReadOnly: false, cacheMiB: CACHE_MIB })
    },
    run({ sql, parameters }: Statement) {
      const statement = prepare(sql)
      const values = parameters.map(asParameter)
      if (statement.columns().length > 0) return { rows: statement.all(...values), changes: 0 }
      return { rows: [], changes: Number(statement.run(...values).changes) }
    },
    rollback() {
      if (opened().isTransaction) opened().exec('ROLLBACK')
    },
    close() {
      prepared.clear()
      database?.close()
      database = undefined
    },
  },
  'metadata.unavailable',
)
