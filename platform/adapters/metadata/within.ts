import type { Kysely } from 'kysely'
import type { TenantScope } from '../../ports/tenant-scope.ts'
import type { Tables } from './tables.ts'

/**
 * Runs the questions that are asked for one tenant. A database that can puts up a second fence here, behind which only that tenant's rows are
 * to be seen, whatever the question says.
 */
export type Within = <T>(scope: TenantScope, work: (db: Kysely<Tables>) => Promise<T>) => Promise<T>

/** Where there is no second fence: the questions themselves name the tenant, always. */
export const withinOne =
  (db: Kysely<Tables>): Within =>
  (_scope, work) =>
    work(db)
