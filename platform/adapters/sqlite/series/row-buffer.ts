import type { DatabaseSync } from 'node:sqlite'
import type { Point } from '../../../ports/time-series.ts'
import { encodeHeader, encodeValue, METRIC_ID_MAX, qualityCode, rowBytesMax, viewOf } from './row-data.ts'
import type { SensorState } from './sensor-state.ts'

/** Rows that one statement inserts: more of them gain nothing. */
const ROWS_PER_INSERT = 32
/** Holds a point with as many metrics as there can be ids. */
const BUFFER_BYTES = Math.max(1_048_576, rowBytesMax(METRIC_ID_MAX + 1))

/**
 * Gathers rows that are known to be new, and inserts many with one statement. `OR ROLLBACK`, because with the usual `ABORT`
 * SQLite keeps a second journal to undo a statement in its middle, which costs a quarter of the whole.
 */
export function createRowBuffer(database: DatabaseSync, table: 'fresh' | 'reading') {
  const insertOne = database.prepare(`INSERT OR ROLLBACK INTO ${table} VALUES (?, ?, ?)`)
  const insertMany = database.prepare(
    `INSERT OR ROLLBACK INTO ${table} VALUES ${Array(ROWS_PER_INSERT).fill('(?, ?, ?)').join(', ')}`,
  )
  const bytes = new Uint8Array(BUFFER_BYTES)
  const view = viewOf(bytes)
  const cells: (number | Uint8Array)[] = []
  let used = 0
  let filling = 0

  function flush(): void {
    if (cells.length === ROWS_PER_INSERT * 3) insertMany.run(...cells)
    else for (let at = 0; at < cells.length; at += 3) insertOne.run(...cells.slice(at, at + 3))
    cells.length = 0
    used = 0
    filling++
  }

  return {
    flush,
    /** @param metrics  Ids of the point's metrics, in the order of its values. */
    add(sensor: SensorState, point: Point, metrics: readonly number[]): void {
      if (used + rowBytesMax(metrics.length) > BUFFER_BYTES) flush()
      const quality = qualityCode(point.quality)
      let at = encodeHeader(view, used, point)
      let index = 0
      for (const value of point.values.values()) at = encodeValue(view, at, { metric: metrics[index++] ?? 0, quality, value })
      cells.push(sensor.id, point.timestampMs, bytes.subarray(used, at))
      used = at
      sensor.bufferedIn = filling
      if (cells.length === ROWS_PER_INSERT * 3) flush()
    },
    /** Makes sure that rows of the sensor can be looked up. */
    flushIfHolding(sensor: SensorState): void {
      if (sensor.bufferedIn === filling) flush()
    },
  }
}
