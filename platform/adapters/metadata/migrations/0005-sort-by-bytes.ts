import { type Kysely, PostgresAdapter, sql } from 'kysely'

// Why: lists are paged by id, and an id must sort the same everywhere. SQLite sorts text by its bytes; PostgreSQL by the language of its
// database, in which a hyphen may count for nothing, unless a column says otherwise.
const COLUMNS = [
  ['tenant', 'id'],
  ['gateway', 'tenant'],
  ['gateway', 'id'],
  ['certificate', 'tenant'],
  ['certificate', 'gateway'],
  ['presence', 'tenant'],
  ['presence', 'gateway'],
  ['token', 'id'],
  ['token', 'tenant'],
  ['sensor', 'tenant'],
  ['sensor', 'id'],
  ['sensor', 'gateway'],
] as const

export async function up(db: Kysely<unknown>): Promise<void> {
  await collate(db, sql`collate "C"`)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await collate(db, sql`collate "default"`)
}

async function collate(db: Kysely<unknown>, collation: ReturnType<typeof sql>): Promise<void> {
  if (!(db.getExecutor().adapter instanceof PostgresAdapter)) return
  for (const [table, column] of COLUMNS)
    await sql`alter table ${sql.table(table)} alter column ${sql.ref(column)} type text ${collation}`.execute(db)
}
