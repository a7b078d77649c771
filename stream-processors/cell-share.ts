import type { LogRecord } from '../platform/ports/event-log.ts'
import type { CellPlaces } from '../platform/ports/metadata.ts'
import { crashPoint } from '../platform/runtime/crash-points.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { parseLogKey } from '../schemas/topics.ts'

/** What one cell of the time-series store has to do with the event log. */
export interface CellShare {
  readonly name: string
  /** True where there is no other cell. */
  readonly isAll: boolean
  /** Those of the records whose tenants live in this cell; a tenant that lives nowhere yet is given a place. @throws {MillraceError} `metadata.unavailable`. */
  own(records: readonly LogRecord[]): Promise<readonly LogRecord[]>
}

/** Gateways whose cell is remembered. Past it, all are forgotten and asked for once more. */
const KEYS_REMEMBERED_MAX = 100_000

/**
 * @returns the share of a cell. Every record is in one of them. Each cell goes through the log by itself, at its own pace: one that is away holds
 * up its own tenants, and nobody else.
 *
 * Whichever cell meets a tenant first has it placed, and none goes past its records before that; so all agree where it lives.
 *
 * @param cells  By name, at least one. The first also gets what is no tenant's: records that can't be read.
 */
export function createCellShares(
  cells: readonly string[],
  places: Pick<CellPlaces, 'placeTenants'>,
  log: Logger,
): (cell: string) => CellShare {
  const cellByKey = new Map<string, string>()
  const [first = ''] = cells
  const table = new Set(cells)
  const told = new Set<string>()

  async function learn(records: readonly LogRecord[]): Promise<void> {
    if (cellByKey.size > KEYS_REMEMBERED_MAX) cellByKey.clear()
    const unknown = new Map<string, string | undefined>()
    for (const { key } of records) if (!cellByKey.has(key)) unknown.set(key, parseLogKey(key)?.tenant)
    if (unknown.size === 0) return
    const tenants = new Set([...unknown.values()].filter((tenant) => tenant !== undefined))
    const found = tenants.size === 0 ? new Map<string, string>() : await places.placeTenants([...tenants], cells)
    crashPoint('process.after-place')
    for (const [tenant, cell] of found) if (!table.has(cell)) tell(tenant, cell)
    for (const [key, tenant] of unknown) cellByKey.set(key, (tenant && found.get(tenant)) ?? first)
  }

  /** Another process, with a longer table, has placed it. None of those that start from now on lacks that cell: see `assertCells`. */
  function tell(tenant: string, cell: string): void {
    if (told.has(tenant)) return
    told.add(tenant)
    log.error(
      { tenant, cell },
      "A tenant lives in a cell that is not in this process's table of cells. Another process must store its readings; give all of them the same table.",
    )
  }

  return (name) => ({
    name,
    isAll: cells.length === 1,
    async own(records) {
      await learn(records)
      return records.filter(({ key }) => cellByKey.get(key) === name)
    },
  })
}
