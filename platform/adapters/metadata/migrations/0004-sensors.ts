import type { Kysely } from 'kysely'

// Why: which sensors there are is asked often, and the time series should not be searched for it.
// No foreign key to the tenant: sensors are recorded in batches, and one stray row must not hold up the others.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sensor')
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('gateway', 'text', (column) => column.notNull())
    .addColumn('first_seen_ms', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('sensor_key', ['tenant', 'id'])
    .execute()
  await db.schema.createIndex('sensor_by_gateway').on('sensor').columns(['tenant', 'gateway', 'id']).execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('sensor').execute()
}
