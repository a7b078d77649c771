import { type Kysely, PostgresAdapter, sql } from 'kysely'

// Why: a question that forgets to name its tenant must see nothing of the others (row-level security, a second fence; PostgreSQL only).
// A connection says for whom it asks: one tenant, `*` for the few questions that are asked of all, or nothing, and then sees nothing.
// FORCE, because the owner of a table would pass otherwise; superusers always do.
const FENCED = [
  ['tenant', 'id'],
  ['gateway', 'tenant'],
  ['certificate', 'tenant'],
  ['presence', 'tenant'],
  ['token', 'tenant'],
  ['sensor', 'tenant'],
] as const

export async function up(db: Kysely<unknown>): Promise<void> {
  if (!isPostgres(db)) return
  for (const [name, column] of FENCED) {
    const [table, tenant] = [sql.table(name), sql.ref(column)]
    const isAllowed = sql`${tenant} = current_setting('millrace.tenant', true) or current_setting('millrace.tenant', true) = '*'`
    await sql`alter table ${table} enable row level security`.execute(db)
    await sql`alter table ${table} force row level security`.execute(db)
    await sql`create policy tenant_fence on ${table} using (${isAllowed}) with check (${isAllowed})`.execute(db)
  }
}

export async function down(db: Kysely<unknown>): Promise<void> {
  if (!isPostgres(db)) return
  for (const [name] of FENCED) {
    const table = sql.table(name)
    await sql`drop policy tenant_fence on ${table}`.execute(db)
    await sql`alter table ${table} no force row level security`.execute(db)
    await sql`alter table ${table} disable row level security`.execute(db)
  }
}

const isPostgres = (db: Kysely<unknown>): boolean => db.getExecutor().adapter instanceof PostgresAdapter
