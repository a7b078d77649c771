import type { DatabaseSync } from 'node:sqlite'
import type { Point } from '../../../ports/time-series.ts'
import type { AcceptedPoint } from './accept-point.ts'
import { createRowBuffer } from './row-buffer.ts'
import type { SensorState } from './sensor-state.ts'
import type { SensorStates } from './sensor-states.ts'

export interface InsertLimits {
  /** A sensor that had this many rows in a write is busy: in its next write, rows go to `reading` at once. */
  readonly busyRowsMin: number
}

/**
 * Inserts rows that are known to be new. The way through `fresh` pays where a write brings a row or two of each of many sensors;
 * rows of a busy sensor (few sensors, or a gateway that sends what it kept) fill pages of `reading` by themselves, and
 * skipping the move saves a third. It is a guess from the write before: a wrong one costs time and nothing else.
 */
export function createInserter(database: DatabaseSync, states: SensorStates, { busyRowsMin }: InsertLimits) {
  const fresh = createRowBuffer(database, 'fresh')
  const reading = createRowBuffer(database, 'reading')
  let write = 0
  let freshRows = 0

  function countRow(sensor: SensorState): void {
    if (sensor.lastWrite !== write) {
      sensor.isBusy = sensor.rowsInWrite >= busyRowsMin
      sensor.rowsInWrite = 0
      sensor.lastWrite = write
    }
    sensor.rowsInWrite++
  }

  return {
    add(point: Point, { sensor, metrics }: AcceptedPoint): void {
      countRow(sensor)
      if (!sensor.isBusy) {
        fresh.add(sensor, point, metrics)
        freshRows++
        return
      }
      reading.add(sensor, point, metrics)
      // What is in `reading` is found by the column `newest` alone.
      states.saveLater(sensor)
      const isNewest = point.timestampMs > sensor.newestMs
      if (isNewest) sensor.movedMs = point.timestampMs
      else if (sensor.movedMs !== undefined) sensor.movedMs = Math.max(sensor.movedMs, point.timestampMs)
    },
    /** Makes sure that rows of the sensor can be looked up. */
    flushIfHolding(sensor: SensorState): void {
      if (sensor.isBusy) reading.flushIfHolding(sensor)
      else fresh.flushIfHolding(sensor)
    },
    /** Ends a write. @returns how many rows it brought to `fresh`. */
    finish(): number {
      fresh.flush()
      reading.flush()
      write++
      const rows = freshRows
      freshRows = 0
      return rows
    },
  }
}
