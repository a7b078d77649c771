import type { CellPlaces } from '../../platform/ports/metadata.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { InfluxSettings } from './influx-settings.ts'

/**
 * A cell that tenants live in must be in the table: nobody would store their readings, and nobody could find them.
 *
 * @throws {MillraceError} `config.invalid`, `metadata.unavailable`.
 */
export async function assertCells({ cells }: InfluxSettings, places: Pick<CellPlaces, 'tenantsByCell'>): Promise<void> {
  const table = new Set(cells.map(({ name }) => name))
  const missing = [...(await places.tenantsByCell())].filter(([cell]) => !table.has(cell))
  if (missing.length === 0) return
  const named = missing.map(([cell, tenants]) => `${cell} (${tenants} tenant${tenants === 1 ? '' : 's'})`).join(', ')
  throw new MillraceError(
    'config.invalid',
    `Not in the table of InfluxDB cells, but tenants live there: ${named}. Put it back into MILLRACE_INFLUX_CELLS_FILE; without such a table there is the cell "main" alone.`,
    { details: { cells: missing.map(([cell]) => cell).join(' ') } },
  )
}
