import type { DatabaseSync } from 'node:sqlite'
import { asNumber, asText } from '../database.ts'
import type { SensorState } from './sensor-state.ts'
import type { SensorStates } from './sensor-states.ts'

export interface TenantState {
  readonly id: number
  /** Ids of metrics, by name. */
  readonly metrics: Map<string, number>
  /** Only the sensors that were asked for since the start. */
  readonly sensors: Map<string, SensorState>
  /** All sensors of the tenant. */
  sensorCount: number
}

export type Catalog = ReturnType<typeof createCatalog>

/** Tenants, metrics and sensors by name, as the writer knows them. After a transaction that failed, throw it away with its `states`. */
export function createCatalog(database: DatabaseSync, states: SensorStates) {
  const selectTenant = database.prepare('SELECT id FROM tenant WHERE name = ?')
  const insertTenant = database.prepare('INSERT INTO tenant (name) VALUES (?)')
  const countSensors = database.prepare('SELECT count(*) AS count FROM sensor WHERE tenant_id = ?')
  const selectMetrics = database.prepare('SELECT id, name FROM metric WHERE tenant_id = ?')
  const insertMetric = database.prepare('INSERT INTO metric (tenant_id, id, name) VALUES (?, ?, ?)')
  const tenants = new Map<string, TenantState>()

  function loadTenant(name: string): TenantState {
    const id = asNumber(selectTenant.get(name)?.id ?? Number(insertTenant.run(name).lastInsertRowid))
    const metrics = new Map(selectMetrics.all(id).map((row) => [asText(row.name), asNumber(row.id)]))
    const tenant = { id, metrics, sensors: new Map(), sensorCount: asNumber(countSensors.get(id)?.count) }
    tenants.set(name, tenant)
    return tenant
  }

  function loadSensor(tenant: TenantState, name: string): SensorState | undefined {
    const state = states.byName(tenant.id, name)
    if (state !== undefined) tenant.sensors.set(name, state)
    return state
  }

  return {
    tenant: (name: string): TenantState => tenants.get(name) ?? loadTenant(name),
    sensor: (tenant: TenantState, name: string): SensorState | undefined => tenant.sensors.get(name) ?? loadSensor(tenant, name),

    addSensor(tenant: TenantState, name: string): SensorState {
      const state = states.add(tenant.id, name)
      tenant.sensors.set(name, state)
      tenant.sensorCount++
      return state
    },

    addMetric(tenant: TenantState, name: string): number {
      const id = tenant.metrics.size
      insertMetric.run(tenant.id, id, name)
      tenant.metrics.set(name, id)
      return id
    },

    /** Removes a sensor that has no rows left, so that it no longer counts. */
    removeSensor(id: number): void {
      const { tenantId, name } = states.remove(id)
      for (const tenant of tenants.values()) {
        if (tenant.id !== tenantId) continue
        tenant.sensors.delete(name)
        tenant.sensorCount--
      }
    },
  }
}
