import type { DatabaseSync } from 'node:sqlite'
import type { Point } from '../../../ports/time-series.ts'
import { asBytes, asNumber } from '../database.ts'
import type { AcceptedPoint } from './accept-point.ts'
import { type Merge, mergeValues } from './merge-values.ts'
import { decodeValues, encodeRow, qualityCode, type RowValue } from './row-data.ts'
import type { SensorState } from './sensor-state.ts'

export interface LateMerge extends Merge {
  /** Whether the row is in `reading`. */
  readonly isMoved: boolean
}

/** Points that may meet a row of their own time: late ones, repeated ones, corrections. */
export function createLateRows(database: DatabaseSync) {
  const selectMoved = database.prepare('SELECT max(ts) AS ts FROM reading WHERE sensor_id = ?')
  const fresh = rowsOf(database, 'fresh')
  const reading = rowsOf(database, 'reading')

  function movedMs(sensor: SensorState): number {
    sensor.movedMs ??= asNumber(selectMoved.get(sensor.id)?.ts ?? Number.NEGATIVE_INFINITY)
    return sensor.movedMs
  }

  return {
    /** @returns undefined when there is no row of that time; otherwise the row now holds the point's values. */
    merge(point: Point, { sensor, metrics }: AcceptedPoint): LateMerge | undefined {
      const inFresh = fresh.values(sensor.id, point.timestampMs)
      const isMoved = inFresh === undefined && point.timestampMs <= movedMs(sensor)
      const existing = isMoved ? reading.values(sensor.id, point.timestampMs) : inFresh
      if (existing === undefined) return undefined
      const quality = qualityCode(point.quality)
      const incoming = [...point.values.values()].map((value, index) => ({ metric: metrics[index] ?? 0, quality, value }))
      const merge = mergeValues(existing, incoming)
      if (merge.stored + merge.conflicts > 0) {
        const table = isMoved ? reading : fresh
        table.replace(sensor.id, point.timestampMs, encodeRow(point, merge.values))
      }
      return { ...merge, isMoved }
    },
  }
}

function rowsOf(database: DatabaseSync, table: 'fresh' | 'reading') {
  const select = database.prepare(`SELECT data FROM ${table} WHERE sensor_id = ? AND ts = ?`)
  const update = database.prepare(`UPDATE ${table} SET data = ?3 WHERE sensor_id = ?1 AND ts = ?2`)
  return {
    values(sensorId: number, ts: number): RowValue[] | undefined {
      const row = select.get(sensorId, ts)
      return row && decodeValues(asBytes(row.data))
    },
    replace(sensorId: number, ts: number, data: Uint8Array): void {
      update.run(sensorId, ts, data)
    },
  }
}
