import type { DatabaseSync } from 'node:sqlite'
import type { RejectionEntry } from '../../../ports/rejections.ts'
import { asNumber } from '../database.ts'

/** Longer pointers and details are cut: the whole message is in the event log. */
const TEXT_CHARACTERS_MAX = 512
/** Entries that one call removes at least, when a tenant has too many: some 10 ms. */
const TRIM_ENTRIES = 10_000

export interface RejectionLimits {
  readonly rejectionsPerTenantMax: number
}

/** Keeps the newest rejections of each tenant. Runs within a transaction of the caller. */
export function createRejectionIndex(database: DatabaseSync, { rejectionsPerTenantMax }: RejectionLimits) {
  const insertTenant = database.prepare('INSERT INTO tenant (name) VALUES (?) ON CONFLICT DO NOTHING')
  const selectTenant = database.prepare('SELECT id FROM tenant WHERE name = ?')
  const insert = database.prepare('INSERT INTO rejection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING')
  const addToCount = database.prepare('UPDATE tenant SET rejections = rejections + ?2 WHERE id = ?1 RETURNING rejections')
  const trim = database.prepare(`
    DELETE FROM rejection WHERE tenant_id = ?1 AND (time_ms, partition, offset, fault) <= (
      SELECT time_ms, partition, offset, fault FROM rejection WHERE tenant_id = ?1
      ORDER BY time_ms, partition, offset, fault LIMIT 1 OFFSET ?2)`)

  function tenantId(name: string): number {
    insertTenant.run(name)
    return asNumber(selectTenant.get(name)?.id)
  }

  function insertOne(tenant: number, entry: RejectionEntry): number {
    const { timeMs, partition, offset, fault, gateway, stage, reason } = entry
    const texts = [gateway, stage, reason, cut(entry.pointer), cut(entry.detail)]
    return Number(insert.run(tenant, timeMs, partition, offset, fault, ...texts).changes)
  }

  return (entries: readonly RejectionEntry[]): void => {
    for (const [name, own] of Map.groupBy(entries, (entry) => entry.tenant)) {
      const tenant = tenantId(name)
      const added = own.reduce((sum, entry) => sum + insertOne(tenant, entry), 0)
      const excess = asNumber(addToCount.get(tenant, added)?.rejections) - rejectionsPerTenantMax
      if (excess <= 0) continue
      const removed = trim.run(tenant, Math.min(excess, Math.max(own.length, TRIM_ENTRIES)) - 1).changes
      addToCount.get(tenant, -Number(removed))
    }
  }
}

/** Never leaves half of a surrogate pair at the end. */
const cut = (text: string): string => text.slice(0, TEXT_CHARACTERS_MAX).toWellFormed()
