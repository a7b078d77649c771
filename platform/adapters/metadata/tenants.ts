import type { Kysely } from 'kysely'
import type { Tenant, TenantStore } from '../../ports/metadata.ts'
import { MillraceError } from '../../runtime/errors.ts'
import type { Guard } from './guard.ts'
import type { Tables, TenantTable } from './tables.ts'

export function createTenantStore(db: Kysely<Tables>, guard: Guard): TenantStore {
  return {
    addTenant: ({ id, name, createdMs }) =>
      guard(async () => {
        const { numInsertedOrUpdatedRows } = await db
          .insertInto('tenant')
          .values({ id, name, created_ms: createdMs })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .executeTakeFirstOrThrow()
        if (numInsertedOrUpdatedRows !== 0n) return
        throw new MillraceError(
          'tenant.exists',
          `There is a tenant ${id} already. Choose another id; ids are never used twice.`,
          {
            details: { tenant: id },
          },
        )
      }),

    tenants: () => guard(async () => (await db.selectFrom('tenant').selectAll().orderBy('id').execute()).map(toTenant)),

    tenant: (id) =>
      guard(async () => {
        const row = await db.selectFrom('tenant').selectAll().where('id', '=', id).executeTakeFirst()
        return row && toTenant(row)
      }),
  }
}

/** @throws {MillraceError} `tenant.unknown`. */
export async function assertTenant(db: Kysely<Tables>, id: string): Promise<void> {
  const row = await db.selectFrom('tenant').select('id').where('id', '=', id).executeTakeFirst()
  if (row) return
  throw new MillraceError(
    'tenant.unknown',
    `There is no tenant ${id}. Add it first: npx millrace tenants add ${id} --name "Its name".`,
    { details: { tenant: id } },
  )
}

function toTenant({ id, name, created_ms }: TenantTable): Tenant {
  return { id, name, createdMs: created_ms }
}
