import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Metadata } from '../../ports/metadata.ts'
import { createMetadata } from '../metadata/metadata.ts'
import { migrateMetadata } from '../metadata/migrate.ts'
import type { Tables } from '../metadata/tables.ts'
import type { Within } from '../metadata/within.ts'
import { createPool, type PostgresOptions } from './pool.ts'

/** For whom a connection asks: of nobody until it says for which tenant, or of all of them. See migration 0006. */
const NOBODY = ''
const EVERYBODY = '*'

/**
 * Opens the metadata store on PostgreSQL and brings its tables up to date; of several processes that start together one does, and the
 * others wait for it. A change is durable when its promise resolves.
 *
 * @throws {MillraceError} `metadata.unavailable`, `store.newer`.
 */
export async function openPostgresMetadata(options: PostgresOptions): Promise<Metadata & { close(): Promise<void> }> {
  const share = Math.ceil(options.poolMax / 2)
  const all = openPostgresDatabase({ ...options, poolMax: share })
  const fenced = openPool({ ...options, poolMax: options.poolMax - share }, NOBODY)
  const close = async (): Promise<void> => {
    await Promise.all([all.close(), fenced.close()])
  }
  try {
    await migrateMetadata(all.db)
  } catch (error) {
    await close()
    throw error
  }
  const within: Within = ({ tenant }, work) =>
    fenced.db.transaction().execute(async (transaction) => {
      await sql`select set_config('millrace.tenant', ${tenant}, true)`.execute(transaction)
      return work(transaction)
    })
  return { ...createMetadata(all.db, within), close }
}

export interface PostgresDatabase {
  readonly db: Kysely<Tables>
  close(): Promise<void>
}

/** The database alone, as it is, asked for everybody: for migrations, and for tests that look underneath. */
export const openPostgresDatabase = (options: PostgresOptions): PostgresDatabase => openPool(options, EVERYBODY)

export function openPool(options: PostgresOptions, asksFor: string): PostgresDatabase {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: createPool(options, asksFor) }) })
  return { db, close: () => db.destroy() }
}
