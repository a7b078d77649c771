import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { STAGES } from '../../../../schemas/rejection.ts'
import type { RejectionEntry, RejectionKey, RejectionQuery } from '../../../ports/rejections.ts'
import { asNumber, asText } from '../database.ts'
import type { IdFinder } from './find-ids.ts'

/** Entries that one call looks at, wanted or not: some 20 ms. */
const ENTRIES_SCANNED_MAX = 20_000
/** Entries that one call returns. */
const ENTRIES_RETURNED_MAX = 1_000

export interface RejectionPage {
  readonly entries: readonly RejectionEntry[]
  /** There may be more behind this entry; undefined when the query has been answered to its end. */
  readonly resumeAfter: RejectionKey | undefined
}

type Row = NonNullable<ReturnType<StatementSync['get']>>

/** Each runs within a read transaction of the caller, and answers a slice at a time, so that no query holds a thread for long. */
export function createRejectionReader(database: DatabaseSync, ids: IdFinder) {
  const selectBefore = database.prepare(`
    SELECT * FROM rejection
    WHERE tenant_id = ?1 AND time_ms >= ?2 AND (time_ms, partition, offset, fault) < (?3, ?4, ?5, ?6)
    ORDER BY time_ms DESC, partition DESC, offset DESC, fault DESC LIMIT ?7`)
  const selectOne = database.prepare(
    'SELECT * FROM rejection WHERE tenant_id = ? AND time_ms = ? AND partition = ? AND offset = ? AND fault = ?',
  )

  return {
    page(tenant: string, query: RejectionQuery): RejectionPage {
      const tenantId = ids.tenant(tenant)
      if (tenantId === undefined) return { entries: [], resumeAfter: undefined }
      const before = firstOf({ timeMs: query.toMs, partition: -1, offset: -1, fault: -1 }, query.after)
      const place = [before.timeMs, before.partition, before.offset, before.fault]
      const entries: RejectionEntry[] = []
      let scanned = 0
      for (const row of selectBefore.iterate(tenantId, query.fromMs, ...place, ENTRIES_SCANNED_MAX)) {
        const entry = toEntry(tenant, row)
        scanned++
        if (isWanted(entry, query)) entries.push(entry)
        if (entries.length === query.limit) break
        if (scanned === ENTRIES_SCANNED_MAX || entries.length === ENTRIES_RETURNED_MAX) {
          const { timeMs, partition, offset, fault } = entry
          return { entries, resumeAfter: { timeMs, partition, offset, fault } }
        }
      }
      return { entries, resumeAfter: undefined }
    },

    one(tenant: string, { timeMs, partition, offset, fault }: RejectionKey): RejectionEntry | undefined {
      const tenantId = ids.tenant(tenant)
      const row = tenantId === undefined ? undefined : selectOne.get(tenantId, timeMs, partition, offset, fault)
      return row && toEntry(tenant, row)
    },
  }
}

/** The one that lies further back: its entries and all newer ones are passed over. */
function firstOf(end: RejectionKey, after: RejectionKey | undefined): RejectionKey {
  return after === undefined || after.timeMs >= end.timeMs ? end : after
}

function isWanted(entry: RejectionEntry, { gateway, reason }: RejectionQuery): boolean {
  return (gateway === undefined || entry.gateway === gateway) && (reason === undefined || entry.reason === reason)
}

function toEntry(tenant: string, row: Row): RejectionEntry {
  const stage = STAGES.find((known) => known === row.stage)
  if (stage === undefined) throw new TypeError(`Expected a stage in a column, found ${row.stage}.`)
  return {
    tenant,
    gateway: asText(row.gateway),
    timeMs: asNumber(row.time_ms),
    stage,
    reason: asText(row.reason),
    pointer: asText(row.pointer),
    detail: asText(row.detail),
    partition: asNumber(row.partition),
    offset: asNumber(row.offset),
    fault: asNumber(row.fault),
  }
}
