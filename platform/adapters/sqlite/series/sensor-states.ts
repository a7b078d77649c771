import type { DatabaseSync } from 'node:sqlite'
import { asBytes, asNumber, asText, type Cell } from '../database.ts'
import { encodeNewest } from './newest-times.ts'
import { decodeValues } from './row-data.ts'
import { createSensorState, noteValue, type SensorState } from './sensor-state.ts'

export type SensorStates = ReturnType<typeof createSensorStates>

/**
 * What the writer remembers of sensors, by id; what it has not seen yet is read from the store.
 * After a transaction that failed, throw it away: it may hold what was never stored.
 */
export function createSensorStates(database: DatabaseSync) {
  const selectByName = database.prepare('SELECT id, newest FROM sensor WHERE tenant_id = ? AND name = ?')
  const selectById = database.prepare('SELECT id, newest FROM sensor WHERE id = ?')
  const insert = database.prepare("INSERT INTO sensor (tenant_id, name, newest) VALUES (?, ?, x'')")
  const update = database.prepare('UPDATE sensor SET newest = ?2 WHERE id = ?1')
  const remove = database.prepare('DELETE FROM sensor WHERE id = ? RETURNING tenant_id, name')
  const selectFresh = database.prepare('SELECT ts, data FROM fresh WHERE sensor_id = ?')
  const states = new Map<number, SensorState>()
  const unsaved = new Set<SensorState>()

  /** The column `newest` is as old as the last move; the rows that came since are still in `fresh`. */
  function load(row: Readonly<Record<string, Cell>> | undefined): SensorState {
    const state = createSensorState(asNumber(row?.id), asBytes(row?.newest))
    for (const { ts, data } of selectFresh.iterate(state.id)) {
      for (const [slotHint, { metric }] of decodeValues(asBytes(data)).entries()) {
        noteValue(state, metric, { timestampMs: asNumber(ts), slotHint })
      }
    }
    states.set(state.id, state)
    return state
  }

  function save(state: SensorState): void {
    if (state.isSaved) return
    update.run(state.id, encodeNewest(state))
    state.isSaved = true
  }

  return {
    save,
    byName(tenantId: number, name: string): SensorState | undefined {
      const row = selectByName.get(tenantId, name)
      return row && (states.get(asNumber(row.id)) ?? load(row))
    },
    /** @throws {TypeError} when there is no such sensor, although a row names it. */
    byId: (id: number): SensorState => states.get(id) ?? load(selectById.get(id)),
    add(tenantId: number, name: string): SensorState {
      const state = createSensorState(Number(insert.run(tenantId, name).lastInsertRowid), new Uint8Array())
      states.set(state.id, state)
      return state
    },
    /** @returns what the sensor was called. */
    remove(id: number): { tenantId: number; name: string } {
      const row = remove.get(id)
      states.delete(id)
      return { tenantId: asNumber(row?.tenant_id), name: asText(row?.name) }
    },
    /** Has `saveAll` write the sensor's column `newest`. */
    saveLater: (state: SensorState): unknown => unsaved.add(state),
    saveAll(): void {
      for (const state of unsaved) save(state)
      unsaved.clear()
    },
    remembered: (): number => states.size,
  }
}
