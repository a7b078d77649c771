import { type Kysely, sql } from 'kysely'
import { MillraceError } from '../../runtime/errors.ts'
import { migrateMetadata } from '../metadata/migrate.ts'
import type { Tables } from '../metadata/tables.ts'
import { openPostgresDatabase } from './open.ts'
import type { PostgresOptions } from './pool.ts'

export interface AppRole {
  readonly name: string
  readonly password: string
}

/**
 * Brings the tables up to date as their owner, and makes the role that Millrace works as: it may read and write rows, behind the fence of
 * row-level security, and nothing else. It can't change or drop a table, and deletes nothing. Running it again is harmless.
 *
 * @param owner  A role that may make roles, or for which the other one is there already.
 * @throws {MillraceError} `metadata.unavailable`, `store.newer`; `config.invalid` when both are one role.
 */
export async function ensurePostgres(owner: PostgresOptions, role: AppRole): Promise<{ readonly isRoleNew: boolean }> {
  const { db, close } = openPostgresDatabase(owner)
  try {
    await migrateMetadata(db)
    const isRoleNew = await ensureRole(db, role)
    await grant(db, role)
    return { isRoleNew }
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('metadata.unavailable', `PostgreSQL could not be prepared: ${reason}`, { cause })
  } finally {
    await close()
  }
}

async function ensureRole(db: Kysely<Tables>, { name, password }: AppRole): Promise<boolean> {
  const found = sql<{
    isMighty: boolean
    isOwner: boolean
  }>`select rolsuper or rolbypassrls as "isMighty", rolname = current_user as "isOwner" from pg_roles where rolname = ${name}`
  const [there] = (await found.execute(db)).rows
  const [role, secret] = [sql.id(name), sql.lit(password)]
  if (there?.isOwner === true) throw sameRole(name)
  // A statement of this kind takes no parameters.
  if (there === undefined) {
    await sql`create role ${role} login nosuperuser nobypassrls nocreatedb nocreaterole password ${secret}`.execute(db)
    return true
  }
  // Only a superuser may say so much as `nosuperuser` of a role that is there, so it is said where it changes something.
  if (there.isMighty) await sql`alter role ${role} nosuperuser nobypassrls`.execute(db)
  await sql`alter role ${role} login password ${secret}`.execute(db)
  return false
}

/** It would take the owner's own rights away, and with them the way to give them back. */
const sameRole = (name: string): MillraceError =>
  new MillraceError(
    'config.invalid',
    `MILLRACE_POSTGRES_URL and MILLRACE_POSTGRES_ADMIN_URL name the same role, ${name}. Millrace works as a role of few rights: name another in MILLRACE_POSTGRES_URL; it is made here.`,
  )

async function grant(db: Kysely<Tables>, { name }: AppRole): Promise<void> {
  const role = sql.id(name)
  await sql`grant usage on schema public to ${role}`.execute(db)
  await sql`grant select, insert, update on all tables in schema public to ${role}`.execute(db)
  // Nothing of a customer's: which listeners run.
  await sql`grant delete on listener to ${role}`.execute(db)
  await sql`revoke insert, update on kysely_migration, kysely_migration_lock from ${role}`.execute(db)
}
