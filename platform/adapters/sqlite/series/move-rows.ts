import type { DatabaseSync } from 'node:sqlite'
import { asNumber } from '../database.ts'
import type { SensorStates } from './sensor-states.ts'

export interface MoveLimits {
  /** Rows in `fresh` at which they begin to move to `reading`. */
  readonly freshRowsMax: number
  /** Rows that move within one write, so that no write is held up for long. Measured: 10,000 take 6 ms, and 15 more to flush. */
  readonly moveRowsMax: number
}

/** Whole sensors where possible: SQLite checks a range of sensors once, but a range of (sensor, time) row by row. */
const SENSORS = 'sensor_id > ?1 AND sensor_id < ?2'
/** A part of a sensor that has more rows than a slice. */
const OLDEST_OF_SENSOR = 'sensor_id = ?1 AND ts <= ?2'

export type Mover = ReturnType<typeof createMover>

/**
 * Moves rows from `fresh` to `reading`, in the order of `reading`. With many sensors, consecutive readings lie on as many pages;
 * by the time of the move each page gets several rows at once instead of being rewritten for each.
 *
 * One sweep goes through all of `fresh` once, a slice with each write; the next begins when enough has gathered.
 */
export function createMover(database: DatabaseSync, states: SensorStates, limits: MoveLimits) {
  const selectEnd = database.prepare(
    'SELECT sensor_id, ts FROM fresh WHERE sensor_id > ?1 ORDER BY sensor_id, ts LIMIT 1 OFFSET ?2',
  )
  const selectSensors = database.prepare(`SELECT DISTINCT sensor_id FROM fresh WHERE ${SENSORS}`)
  const selectFirst = database.prepare('SELECT min(sensor_id) AS id FROM fresh WHERE sensor_id > ?1')
  const moveSensors = createMove(database, SENSORS)
  const moveOldest = createMove(database, OLDEST_OF_SENSOR)
  let freshRows = asNumber(database.prepare('SELECT count(*) AS count FROM fresh').get()?.count)
  /** The sweep is through with sensors up to this id; undefined between two sweeps. */
  let movedId: number | undefined

  function note(sensorId: number): void {
    const sensor = states.byId(sensorId)
    states.save(sensor)
    sensor.movedMs = sensor.newestMs
  }

  function moveSlice(fromId: number): void {
    const end = selectEnd.get(fromId, limits.moveRowsMax)
    const endId = end === undefined ? Number.MAX_SAFE_INTEGER : asNumber(end.sensor_id)
    const firstId = selectFirst.get(fromId)?.id
    if (end !== undefined && firstId === endId) {
      note(endId)
      freshRows -= moveOldest(endId, asNumber(end.ts))
      return
    }
    for (const { sensor_id } of selectSensors.all(fromId, endId)) note(asNumber(sensor_id))
    freshRows -= moveSensors(fromId, endId)
    movedId = end === undefined ? undefined : endId - 1
  }

  return {
    /** Retention took rows from `fresh`. */
    noteDropped(rows: number): void {
      freshRows -= rows
    },
    /** @param rowsWritten  Of this write; at least as many are moved, so that `fresh` doesn't grow while a sweep is under way. */
    step(rowsWritten: number): void {
      freshRows += rowsWritten
      if (movedId === undefined && freshRows < limits.freshRowsMax) return
      movedId ??= 0
      for (let rows = 0; movedId !== undefined && rows < Math.max(1, rowsWritten); rows += limits.moveRowsMax) moveSlice(movedId)
    },
  }
}

/** @returns a function that moves the rows of a range, and says how many there were. */
function createMove(database: DatabaseSync, range: string) {
  const copy = database.prepare(`INSERT OR ROLLBACK INTO reading SELECT sensor_id, ts, data FROM fresh WHERE ${range}`)
  const remove = database.prepare(`DELETE FROM fresh WHERE ${range}`)
  return (from: number, to: number): number => {
    copy.run(from, to)
    return Number(remove.run(from, to).changes)
  }
}
