import type { CellPlaces } from '../../ports/metadata.ts'
import { MillraceError } from '../../runtime/errors.ts'
import type { InfluxAddress } from './client.ts'

/** One InfluxDB of several. Its name is what is noted for each tenant that lives in it: it never changes, its address may. */
export interface Cell extends InfluxAddress {
  readonly name: string
}

export interface CellDirectory<T> {
  /** @returns undefined for a tenant whose place isn't known yet. */
  of(tenant: string): T | undefined
  /** Finds out where tenants live, and gives those that have no place one. */
  place(tenants: ReadonlySet<string>): Promise<void>
  /** Finds out where a tenant lives; undefined when it has no place: nothing was ever stored for it. */
  find(tenant: string): Promise<T | undefined>
}

/** Remembers where tenants live, for good. @throws {MillraceError} `config.invalid` when a tenant lives in a cell that isn't in the table. */
export function createCellDirectory<T>(cells: ReadonlyMap<string, T>, places: CellPlaces): CellDirectory<T> {
  const known = new Map<string, T>()

  function note(found: ReadonlyMap<string, string>): void {
    for (const [tenant, name] of found) {
      const cell = cells.get(name)
      if (cell === undefined) throw notInTable(tenant, name)
      known.set(tenant, cell)
    }
  }

  return {
    of: (tenant) => known.get(tenant),
    async place(tenants) {
      const missing = [...tenants].filter((tenant) => !known.has(tenant))
      if (missing.length > 0) note(await places.placeTenants(missing, [...cells.keys()]))
    },
    async find(tenant) {
      if (!known.has(tenant)) note(await places.placesOf([tenant]))
      return known.get(tenant)
    },
  }
}

function notInTable(tenant: string, cell: string): MillraceError {
  return new MillraceError(
    'config.invalid',
    `The readings of ${tenant} are in the cell ${cell}, which is not in the table of cells. Put it back: without it they can't be found.`,
    { details: { tenant, cell } },
  )
}
