import type { Kysely } from 'kysely'

// Why: with several listeners, one that starts must not mark the gateways of the others as gone. Each signs its rows, and says now and
// then that it is alive; the rows of one that isn't are ended by whoever notices.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('presence').addColumn('listener', 'text').execute()
  await db.schema
    .createTable('listener')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('alive_ms', 'bigint', (column) => column.notNull())
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('listener').execute()
  await db.schema.alterTable('presence').dropColumn('listener').execute()
}
