import type { DatabaseSync } from 'node:sqlite'
import { asNumber } from '../database.ts'
import type { Catalog } from './catalog.ts'
import type { Mover } from './move-rows.ts'
import { forgetBefore } from './sensor-state.ts'
import type { SensorStates } from './sensor-states.ts'

/** Sensors that one call looks at: some 10 ms when none of them has anything to drop. */
const SENSORS_EXAMINED_MAX = 10_000

const TABLES = ['reading', 'fresh'] as const
type Table = (typeof TABLES)[number]

export interface DropperParts {
  readonly states: SensorStates
  readonly catalog: Catalog
  readonly mover: Mover
}

/** Retention: deletes old rows, a slice at a time, going round all sensors. After a failure it must be made anew, with its parts. */
export function createDropper(database: DatabaseSync, { states, catalog, mover }: DropperParts) {
  const selectSegment = database.prepare(
    'SELECT max(id) AS last, count(*) AS count FROM (SELECT id FROM sensor WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3)',
  )
  const selectOld = database.prepare(
    `SELECT id FROM sensor WHERE id > ?1 AND id <= ?2 AND (${TABLES.map((table) => `EXISTS (SELECT 1 FROM ${table} WHERE sensor_id = sensor.id AND ts < ?3)`).join(' OR ')}) ORDER BY id LIMIT ?4`,
  )
  const removals = TABLES.map((table) => ({ table, remove: createRemoval(database, table) }))
  const selectOldest = database.prepare(
    `SELECT min(ts) AS ts FROM (${TABLES.map((table) => `SELECT min(ts) AS ts FROM ${table} WHERE sensor_id = ?1`).join(' UNION ALL ')})`,
  )
  let examinedId = 0

  function dropOfSensor(sensorId: number, timeMs: number, rowsMax: number): number {
    let dropped = 0
    for (const { table, remove } of removals) {
      const rows = remove(sensorId, timeMs, rowsMax - dropped)
      if (table === 'fresh') mover.noteDropped(rows)
      dropped += rows
    }
    const oldest = selectOldest.get(sensorId)?.ts
    if (typeof oldest === 'number' && oldest < timeMs) return dropped
    examinedId = sensorId
    const sensor = states.byId(sensorId)
    forgetBefore(sensor, timeMs)
    if (oldest === null) catalog.removeSensor(sensorId)
    else states.save(sensor)
    return dropped
  }

  function dropOfSensors(lastId: number, timeMs: number, rowsMax: number): number {
    let dropped = 0
    for (const row of selectOld.all(examinedId, lastId, timeMs, rowsMax)) {
      if (dropped === rowsMax) break
      dropped += dropOfSensor(asNumber(row.id), timeMs, rowsMax - dropped)
    }
    return dropped
  }

  /** @returns how many rows were deleted; see `SeriesRetention`. */
  return (timeMs: number, rowsMax: number): number => {
    const startId = examinedId
    let sensors = SENSORS_EXAMINED_MAX
    let dropped = 0
    // To the end, and from the beginning to where this call started: a whole round, if there aren't too many.
    for (const untilId of [Number.MAX_SAFE_INTEGER, startId]) {
      const segment = selectSegment.get(examinedId, untilId, sensors)
      const lastId = asNumber(segment?.last ?? examinedId)
      dropped += dropOfSensors(lastId, timeMs, rowsMax - dropped)
      if (dropped === rowsMax) return dropped
      sensors -= asNumber(segment?.count)
      examinedId = sensors === 0 ? lastId : 0
      if (sensors === 0) return dropped
    }
    return dropped
  }
}

function createRemoval(database: DatabaseSync, table: Table) {
  const selectEnd = database.prepare(`SELECT ts FROM ${table} WHERE sensor_id = ? AND ts < ? ORDER BY ts LIMIT 1 OFFSET ?`)
  const remove = database.prepare(`DELETE FROM ${table} WHERE sensor_id = ? AND ts < ?`)
  return (sensorId: number, timeMs: number, rowsMax: number): number => {
    const end = selectEnd.get(sensorId, timeMs, rowsMax)
    return Number(remove.run(sensorId, end === undefined ? timeMs : asNumber(end.ts)).changes)
  }
}
