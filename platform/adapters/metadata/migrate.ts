import type { Kysely } from 'kysely'
import { Migrator, NO_MIGRATIONS } from 'kysely/migration'
import { MillraceError } from '../../runtime/errors.ts'
import * as tenants from './migrations/0001-tenants.ts'
import * as gateways from './migrations/0002-gateways.ts'
import * as tokens from './migrations/0003-tokens.ts'
import * as sensors from './migrations/0004-sensors.ts'
import * as sortByBytes from './migrations/0005-sort-by-bytes.ts'
import * as tenantFence from './migrations/0006-tenant-fence.ts'
import * as cells from './migrations/0007-cells.ts'
import * as presenceByListener from './migrations/0008-presence-by-listener.ts'
import type { Tables } from './tables.ts'

/** A list and not a folder scan, so that what runs is what was type-checked. Names sort in the order in which they run. */
const MIGRATIONS = {
  '0001-tenants': tenants,
  '0002-gateways': gateways,
  '0003-tokens': tokens,
  '0004-sensors': sensors,
  '0005-sort-by-bytes': sortByBytes,
  '0006-tenant-fence': tenantFence,
  '0007-cells': cells,
  '0008-presence-by-listener': presenceByListener,
} as const

/**
 * Brings the tables to what this version knows, or (`empty`) takes them all away, data included. All steps in one transaction.
 *
 * @throws {MillraceError} `store.newer` when a newer Millrace has been here; `metadata.unavailable` when a step fails: nothing has changed then.
 */
export async function migrateMetadata(db: Kysely<Tables>, target: 'latest' | 'empty' = 'latest'): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error } = target === 'latest' ? await migrator.migrateToLatest() : await migrator.migrateTo(NO_MIGRATIONS)
  if (error === undefined) return

  const foreign = await firstUnknownMigration(db)
  if (foreign === undefined) {
    if (error instanceof MillraceError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new MillraceError('metadata.unavailable', `The metadata store could not be brought up to date: ${reason}`, {
      cause: error,
    })
  }
  throw new MillraceError(
    'store.newer',
    `The metadata store was written by a newer Millrace (it has the migration ${foreign}). Start that one.`,
    { details: { migration: foreign }, cause: error },
  )
}

async function firstUnknownMigration(db: Kysely<Tables>): Promise<string | undefined> {
  const bookkeeping = db.withTables<{ kysely_migration: { name: string } }>()
  try {
    const names = await bookkeeping.selectFrom('kysely_migration').select('name').orderBy('name').execute()
    return names.find(({ name }) => !Object.hasOwn(MIGRATIONS, name))?.name
  } catch {
    // The store is away, or was never migrated: the first error says so.
    return undefined
  }
}
