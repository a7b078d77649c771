import type { LogRecord } from '../platform/ports/event-log.ts'
import type { CellPlaces } from '../platform/ports/metadata.ts'
import { crashPoint } from '../platform/runtime/crash-points.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { MAIN_CELL } from '../schemas/influx-cells.ts'
import { parseLogKey } from '../schemas/topics.ts'

/** What one cell of the time-series store has to do with the event log. */
export interface CellShare {
  readonly name: string
  /** True where there is no other cell. */
  readonly isAll: boolean
  /** Those of the records whose tenants live in this cell; a tenant that lives nowhere yet is given a place. @throws {MillraceError} `metadata.unavailable`. */
  own(records: readonly LogRecord[]): Promise<readonly LogRecord[]>
}

/** Of a store that is no table of cells. */
export const WHOLE_STORE: CellShare = { name: MAIN_CELL, isAll: true, own: async (records) => records }

/** Gateways whose cell is remembered. Past it, all are forgotten and asked for once more. */
const KEYS_REMEMBERED_MAX = 100_000

/**
 * @returns the share of a cell. Every record is in one of them. Each cell goes through the log by itself, at its own pace: one that is away holds
 * up its own tenants, and nobody else.
 *
 * Whichever cell meets a tenant first has it placed, and none goes past its records before that; so all agree where it lives.
 *
 * @param cells  By name, at least one. `main`, or else the first by name, also gets what is no tenant's: records that can't be read.
 */
export function createCellShares(
  cells: readonly string[],
  places: Pick<CellPlaces, 'placeTenants'>,
  log: Logger,
): (cell: string) => CellShare {
  const cellByKey = new Map<string, string>()
  /** Of what is no tenant's; the same wherever the cells stand in the table. */
  const fallback = cells.includes(MAIN_CELL) ? MAIN_CELL : (cells.toSorted()[0] ?? MAIN_CELL)
  const table = new Set(cells)
  const told = new Set<string>()

  /** @returns undefined when there is one whose cell isn't remembered. */
  function ofKnown(records: readonly LogRecord[], name: string): readonly LogRecord[] | undefined {
    const own: LogRecord[] = []
    for (const record of records) {
      const cell = cellByKey.get(record.key)
      if (cell === undefined) return undefined
      if (cell === name) own.push(record)
    }
    return own
  }

  /** The cell of each of these keys. What is remembered may be forgotten by somebody else while the store of places is asked, so it is not relied upon. */
  async function cellsOf(records: readonly LogRecord[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    const tenants = new Map<string, string>()
    for (const { key } of records) {
      const known = cellByKey.get(key)
      const tenant = known === undefined && !found.has(key) ? parseLogKey(key)?.tenant : undefined
      if (tenant === undefined) found.set(key, known ?? found.get(key) ?? fallback)
      else tenants.set(key, tenant)
    }
    if (tenants.size > 0) await place(tenants, found)
    return found
  }

  async function place(tenants: ReadonlyMap<string, string>, found: Map<string, string>): Promise<void> {
    const placed = await places.placeTenants([...new Set(tenants.values())], cells)
    crashPoint('process.after-place')
    if (cellByKey.size + tenants.size > KEYS_REMEMBERED_MAX) cellByKey.clear()
    for (const [key, tenant] of tenants) {
      const cell = placed.get(tenant)
      if (cell === undefined) throw new TypeError('A tenant that was placed has a cell.')
      if (!table.has(cell)) tell(tenant, cell)
      found.set(key, cell)
      cellByKey.set(key, cell)
    }
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
      const known = ofKnown(records, name)
      if (known !== undefined) return known
      const found = await cellsOf(records)
      return records.filter(({ key }) => found.get(key) === name)
    },
  })
}
