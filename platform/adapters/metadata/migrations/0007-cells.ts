import { type Kysely, PostgresAdapter, sql } from 'kysely'

// Why: with several time-series servers, each tenant lives in one of them, for good.
// No foreign key to the tenant: places are given while readings are stored, and one stray record must not hold up the others.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('tenant_cell')
    .addColumn('tenant', 'text', (column) => column.primaryKey())
    .addColumn('cell', 'text', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('tenant_cell_by_cell').on('tenant_cell').columns(['cell']).execute()
  if (!isPostgres(db)) return
  const isAllowed = sql`tenant = current_setting('millrace.tenant', true) or current_setting('millrace.tenant', true) = '*'`
  await sql`alter table tenant_cell enable row level security`.execute(db)
  await sql`alter table tenant_cell force row level security`.execute(db)
  await sql`create policy tenant_fence on tenant_cell using (${isAllowed}) with check (${isAllowed})`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('tenant_cell').execute()
}

const isPostgres = (db: Kysely<unknown>): boolean => db.getExecutor().adapter instanceof PostgresAdapter
