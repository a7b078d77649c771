import type { CellPlaces } from '../../ports/metadata.ts'
import { MillraceError } from '../../runtime/errors.ts'
import type { InfluxAddress } from './client.ts'

/** One InfluxDB of several. Its name is what is noted for each tenant that lives in it: it never changes, its address may. */
export interface Cell extends InfluxAddress {
  readonly name: string
}

export interface CellDirectory<T> {
  /** Finds out where a tenant lives; undefined when it has no place: nothing was ever stored for it. */
  find(tenant: string): Promise<T | undefined>
}

/** Remembers where tenants live, for good. @throws {MillraceError} `time-series.unavailable` when a tenant lives in a cell that isn't in the table: another process has a longer one. */
export function createCellDirectory<T>(cells: ReadonlyMap<string, T>, places: Pick<CellPlaces, 'placesOf'>): CellDirectory<T> {
  const known = new Map<string, T>()

  return {
    async find(tenant) {
      const found = known.get(tenant)
      if (found !== undefined) return found
      const name = (await places.placesOf([tenant])).get(tenant)
      if (name === undefined) return undefined
      const cell = cells.get(name)
      if (cell === undefined) throw notInTable(tenant, name)
      known.set(tenant, cell)
      return cell
    },
  }
}

function notInTable(tenant: string, cell: string): MillraceError {
  return new MillraceError(
    'time-series.unavailable',
    `The readings of ${tenant} are in the cell ${cell}, which is not in this process's table of cells. Give it the same table as all others, and start it anew.`,
    { details: { tenant, cell } },
  )
}
