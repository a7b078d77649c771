import type { Kysely } from 'kysely'
import type { CellPlaces } from '../../ports/metadata.ts'
import type { Guard } from './guard.ts'
import type { Tables } from './tables.ts'

export function createCellPlaces(db: Kysely<Tables>, guard: Guard): CellPlaces {
  return {
    placesOf: (tenants) => guard(() => placesOf(db, tenants)),
    tenantsByCell: () => guard(() => tenantsByCell(db)),

    async placeTenants(tenants, cells) {
      if (cells.length === 0) throw new TypeError('There is at least one cell.')
      return guard(async () => {
        const known = await placesOf(db, tenants)
        const missing = [...new Set(tenants)].filter((tenant) => !known.has(tenant))
        if (missing.length === 0) return known
        const counts = await tenantsByCell(db)
        const fill = new Map(cells.map((cell) => [cell, counts.get(cell) ?? 0]))
        for (const tenant of missing) {
          const cell = emptiest(fill)
          fill.set(cell, (fill.get(cell) ?? 0) + 1)
          // Whoever else places the same tenant now: one of them is first, and that place counts.
          await db
            .insertInto('tenant_cell')
            .values({ tenant, cell })
            .onConflict((conflict) => conflict.column('tenant').doNothing())
            .execute()
        }
        return placesOf(db, tenants)
      })
    },
  }
}

/** A statement takes some tens of thousands of parameters; no batch names as many tenants. */
async function placesOf(db: Kysely<Tables>, tenants: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (tenants.length === 0) return new Map()
  const rows = await db.selectFrom('tenant_cell').selectAll().where('tenant', 'in', tenants).execute()
  return new Map(rows.map(({ tenant, cell }) => [tenant, cell]))
}

async function tenantsByCell(db: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('tenant_cell')
    .select(['cell', (select) => select.fn.countAll().as('tenants')])
    .groupBy('cell')
    .execute()
  return new Map(rows.map(({ cell, tenants }) => [cell, Number(tenants)]))
}

/** The first of those that hold the fewest. */
function emptiest(fill: ReadonlyMap<string, number>): string {
  const [first, ...others] = fill
  if (first === undefined) throw new TypeError('There is at least one cell.')
  return others.reduce((best, cell) => (cell[1] < best[1] ? cell : best), first)[0]
}
