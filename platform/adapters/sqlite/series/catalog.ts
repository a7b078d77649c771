import type { DatabaseSync } from 'node:sqlite'
import { asBytes, asNumber, asText } from '../database.ts'
import { encodeNewest } from './newest-times.ts'
import { decodeValues } from './row-data.ts'
import { createSensorState, noteValue, type SensorState } from './sensor-state.ts'

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

/**
 * Tenants, sensors and metrics by name and by id, as the writer knows them. What it has not seen yet is read from the store.
 * After a transaction that failed, throw the catalog away: it may hold ids that were never stored.
 */
export function createCatalog(database: DatabaseSync) {
  const selectTenant = database.prepare('SELECT id FROM tenant WHERE name = ?')
  const insertTenant = database.prepare('INSERT INTO tenant (name) VALUES (?)')
  const countSensors = database.prepare('SELECT count(*) AS count FROM sensor WHERE tenant_id = ?')
  const selectMetrics = database.prepare('SELECT id, name FROM metric WHERE tenant_id = ?')
  const insertMetric = database.prepare('INSERT INTO metric (tenant_id, id, name) VALUES (?, ?, ?)')
  const selectSensor = database.prepare('SELECT id, newest FROM sensor WHERE tenant_id = ? AND name = ?')
  const selectSensorById = database.prepare('SELECT tenant_id, name, newest FROM sensor WHERE id = ?')
  const insertSensor = database.prepare("INSERT INTO sensor (tenant_id, name, newest) VALUES (?, ?, x'')")
  const updateSensor = database.prepare('UPDATE sensor SET newest = ?2 WHERE id = ?1')
  const deleteSensor = database.prepare('DELETE FROM sensor WHERE id = ?')
  const selectFresh = database.prepare('SELECT ts, data FROM fresh WHERE sensor_id = ?')
  const tenants = new Map<string, TenantState>()
  const sensorsById = new Map<number, SensorState>()
  const unsaved = new Set<SensorState>()

  function loadTenant(name: string): TenantState {
    const id = asNumber(selectTenant.get(name)?.id ?? Number(insertTenant.run(name).lastInsertRowid))
    const metrics = new Map(selectMetrics.all(id).map((row) => [asText(row.name), asNumber(row.id)]))
    const tenant = { id, metrics, sensors: new Map(), sensorCount: asNumber(countSensors.get(id)?.count) }
    tenants.set(name, tenant)
    return tenant
  }

  /** The column `newest` is as old as the last move; the rows that came since are still in `fresh`. */
  function loadState(id: number, newest: Uint8Array): SensorState {
    const state = createSensorState(id, newest)
    for (const row of selectFresh.iterate(id)) {
      for (const [slotHint, { metric }] of decodeValues(asBytes(row.data)).entries()) {
        noteValue(state, metric, { timestampMs: asNumber(row.ts), slotHint })
      }
    }
    sensorsById.set(id, state)
    return state
  }

  function save(state: SensorState): void {
    if (state.isSaved) return
    updateSensor.run(state.id, encodeNewest(state))
    state.isSaved = true
  }

  return {
    tenant: (name: string): TenantState => tenants.get(name) ?? loadTenant(name),

    sensor(tenant: TenantState, name: string): SensorState | undefined {
      const known = tenant.sensors.get(name)
      if (known !== undefined) return known
      const row = selectSensor.get(tenant.id, name)
      if (row === undefined) return undefined
      const id = asNumber(row.id)
      const state = sensorsById.get(id) ?? loadState(id, asBytes(row.newest))
      tenant.sensors.set(name, state)
      return state
    },

    addSensor(tenant: TenantState, name: string): SensorState {
      const id = Number(insertSensor.run(tenant.id, name).lastInsertRowid)
      const state = createSensorState(id, new Uint8Array())
      tenant.sensors.set(name, state)
      sensorsById.set(id, state)
      tenant.sensorCount++
      return state
    },

    addMetric(tenant: TenantState, name: string): number {
      const id = tenant.metrics.size
      insertMetric.run(tenant.id, id, name)
      tenant.metrics.set(name, id)
      return id
    },

    /** @throws {TypeError} when there is no such sensor, although a row names it. */
    sensorById(id: number): SensorState {
      return sensorsById.get(id) ?? loadState(id, asBytes(selectSensorById.get(id)?.newest))
    },

    /** Deletes a sensor that has no readings left, so that its name no longer counts. */
    forgetSensor(id: number): void {
      const row = selectSensorById.get(id)
      deleteSensor.run(id)
      sensorsById.delete(id)
      for (const tenant of tenants.values()) {
        if (tenant.id !== row?.tenant_id) continue
        tenant.sensors.delete(asText(row.name))
        tenant.sensorCount--
      }
    },

    save,
    /** Has `saveAll` write the sensor's column `newest`. */
    saveLater: (state: SensorState): unknown => unsaved.add(state),
    saveAll(): void {
      for (const state of unsaved) save(state)
      unsaved.clear()
    },
    cachedSensors: (): number => sensorsById.size,
  }
}
