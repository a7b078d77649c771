import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type QueryResult,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Thread } from '../../../runtime/thread.ts'
import type { MetadataCalls } from './calls.ts'

/**
 * Kysely over one SQLite connection that lives on a thread.
 *
 * Kysely hands the connection to one statement or transaction at a time (`supportsMultipleConnections` is false), so no
 * statement of another caller can slip into a transaction.
 */
export function createThreadDialect(thread: Thread<MetadataCalls>): Dialect {
  return {
    createDriver: () => createDriver(thread),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createAdapter: () => ADAPTER,
  }
}

/** Unlike Kysely's own adapter, migrations run in a transaction, so that a kill half-way leaves the former tables. */
const ADAPTER: DialectAdapter = {
  supportsCreateIfNotExists: true,
  supportsMultipleConnections: false,
  supportsTransactionalDdl: true,
  supportsReturning: true,
  supportsOutput: false,
  // The data folder's lock keeps other processes out, and the one connection everyone else in this one.
  async acquireMigrationLock() {},
  async releaseMigrationLock() {},
}

function createDriver(thread: Thread<MetadataCalls>): Driver {
  const connection: DatabaseConnection = {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const { rows, changes } = await thread.call('run', { sql, parameters })
      return { rows, numAffectedRows: BigInt(changes) }
    },
    streamQuery() {
      throw new Error('The metadata store does not stream: ask for pages.')
    },
  }
  const execute = async (sql: string) => {
    await thread.call('run', { sql, parameters: [] })
  }

  return {
    async init() {},
    acquireConnection: async () => connection,
    // The write lock from the start: a transaction that reads first could otherwise find that it may not write.
    beginTransaction: () => execute('BEGIN IMMEDIATE'),
    commitTransaction: () => execute('COMMIT'),
    rollbackTransaction: () => thread.call('rollback'),
    async releaseConnection() {},
    destroy: () => thread.call('close'),
  }
}
