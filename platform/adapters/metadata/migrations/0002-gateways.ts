import type { Kysely } from 'kysely'

// Why: the MQTT door lets in whom it finds here, by the fingerprint of a certificate.
// `presence` has no foreign key: a listener writes it in batches, and one stray row must not hold up the others.
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('gateway')
    .addColumn('tenant', 'text', (column) => column.notNull().references('tenant.id'))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('enrolled_ms', 'bigint', (column) => column.notNull())
    .addColumn('revoked_ms', 'bigint')
    .addColumn('certificate_count', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('gateway_key', ['tenant', 'id'])
    .execute()
  await db.schema
    .createTable('certificate')
    .addColumn('fingerprint', 'text', (column) => column.primaryKey().notNull())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('gateway', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('serial', 'text', (column) => column.notNull())
    .addColumn('not_before_ms', 'bigint', (column) => column.notNull())
    .addColumn('not_after_ms', 'bigint', (column) => column.notNull())
    .addColumn('revoked_ms', 'bigint')
    .addUniqueConstraint('certificate_of_gateway', ['tenant', 'gateway', 'number'])
    .addForeignKeyConstraint('certificate_gateway', ['tenant', 'gateway'], 'gateway', ['tenant', 'id'])
    .execute()
  await db.schema.createIndex('certificate_by_revocation').on('certificate').column('revoked_ms').execute()
  await db.schema
    .createTable('presence')
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('gateway', 'text', (column) => column.notNull())
    .addColumn('is_connected', 'integer', (column) => column.notNull())
    .addColumn('since_ms', 'bigint', (column) => column.notNull())
    .addColumn('last_message_ms', 'bigint')
    .addPrimaryKeyConstraint('presence_key', ['tenant', 'gateway'])
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('presence').execute()
  await db.schema.dropTable('certificate').execute()
  await db.schema.dropTable('gateway').execute()
}
