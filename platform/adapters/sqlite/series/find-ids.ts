import type { DatabaseSync } from 'node:sqlite'
import { asBytes, asNumber, asText } from '../database.ts'
import { decodeNewest, type NewestTimes } from './newest-times.ts'

export interface FoundSensor {
  readonly id: number
  readonly tenantId: number
  /** As of the last time it was written; what is newer lies in `fresh`. */
  readonly newest: NewestTimes
}

export type IdFinder = ReturnType<typeof createIdFinder>

/** Names to ids and back, for readers. Nothing is kept between calls, so a sensor or metric that is new is never missed. */
export function createIdFinder(database: DatabaseSync) {
  const selectTenant = database.prepare('SELECT id FROM tenant WHERE name = ?')
  const selectSensor = database.prepare('SELECT id, newest FROM sensor WHERE tenant_id = ? AND name = ?')
  const selectMetricId = database.prepare('SELECT id FROM metric WHERE tenant_id = ? AND name = ?')
  const selectMetricName = database.prepare('SELECT name FROM metric WHERE tenant_id = ? AND id = ?')

  return {
    tenant(name: string): number | undefined {
      const row = selectTenant.get(name)
      return row && asNumber(row.id)
    },
    sensor(tenantId: number, name: string): FoundSensor | undefined {
      const row = selectSensor.get(tenantId, name)
      return row && { id: asNumber(row.id), tenantId, newest: decodeNewest(asBytes(row.newest)) }
    },
    metric(tenantId: number, name: string): number | undefined {
      const row = selectMetricId.get(tenantId, name)
      return row && asNumber(row.id)
    },
    metricName: (tenantId: number, id: number): string => asText(selectMetricName.get(tenantId, id)?.name),
  }
}
