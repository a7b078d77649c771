import type { DatabaseSync } from 'node:sqlite'
import type { Reason } from '../../../../schemas/rejection.ts'
import type { Point, WriteOutcome } from '../../../ports/time-series.ts'
import { asBytes, asNumber } from '../database.ts'
import type { Catalog, TenantState } from './catalog.ts'
import { createLastSeen } from './last-seen.ts'
import { mergeValues } from './merge-values.ts'
import { createMover, type MoveLimits } from './move-rows.ts'
import { createRowBuffer } from './row-buffer.ts'
import { decodeValues, encodeRow, qualityCode, type RowValue } from './row-data.ts'
import { noteValue, type SensorState } from './sensor-state.ts'

export interface PointLimits extends MoveLimits {
  readonly sensorsPerTenantMax: number
  readonly metricsPerTenantMax: number
}

/** Stands in for the id of a metric that the tenant doesn't have yet. */
const UNKNOWN = -1

interface Refusal {
  readonly reason: Reason
  readonly detail: string
}

/** Stores batches, each within a transaction of the caller. After a failure it must be made anew, with its catalog. */
export function createPointStore(database: DatabaseSync, catalog: Catalog, limits: PointLimits) {
  const rows = createRowBuffer(database)
  const lastSeen = createLastSeen(database)
  const mover = createMover(database, catalog, limits)
  const late = createLateRows(database)

  /** Ids of the point's metrics, in the order of its values; new names get an id only when the whole point is accepted. */
  function accept(point: Point, tenant: TenantState): { sensor: SensorState; metrics: number[] } | Refusal {
    const refusal = refuseValues(point)
    if (refusal !== undefined) return refusal
    const metrics: number[] = []
    let unknown = 0
    for (const name of point.values.keys()) {
      const id = tenant.metrics.get(name) ?? UNKNOWN
      if (id === UNKNOWN) unknown++
      metrics.push(id)
    }
    if (tenant.metrics.size + unknown > limits.metricsPerTenantMax) {
      return { reason: 'store.metric-limit', detail: `The tenant may have ${limits.metricsPerTenantMax} metrics.` }
    }
    const known = catalog.sensor(tenant, point.sensor)
    if (known === undefined && tenant.sensorCount >= limits.sensorsPerTenantMax) {
      return { reason: 'store.sensor-limit', detail: `The tenant may have ${limits.sensorsPerTenantMax} sensors.` }
    }
    if (unknown > 0) {
      for (const [index, name] of [...point.values.keys()].entries()) {
        if (metrics[index] === UNKNOWN) metrics[index] = catalog.addMetric(tenant, name)
      }
    }
    return { sensor: known ?? catalog.addSensor(tenant, point.sensor), metrics }
  }

  function note(sensor: SensorState, metrics: readonly number[], timestampMs: number): void {
    for (let slotHint = 0; slotHint < metrics.length; slotHint++) {
      if (noteValue(sensor, metrics[slotHint] ?? 0, { timestampMs, slotHint })) catalog.saveLater(sensor)
    }
  }

  return {
    mover,
    /** At most one row of a time is ever stored: what is newer than all rows of its sensor is inserted, the rest is looked up first. */
    store(points: readonly Point[]): WriteOutcome {
      const rejected: { index: number; reason: string; detail: string }[] = []
      const count = { stored: 0, duplicates: 0, conflicts: 0 }
      let inserted = 0

      function insert(sensor: SensorState, point: Point, metrics: readonly number[]): void {
        rows.add(sensor, point, metrics)
        count.stored += metrics.length
        inserted++
        note(sensor, metrics, point.timestampMs)
      }

      for (const [index, point] of points.entries()) {
        const accepted = accept(point, catalog.tenant(point.tenant))
        if ('reason' in accepted) {
          rejected.push({ index, ...accepted })
          continue
        }
        const { sensor, metrics } = accepted
        lastSeen.note(sensor.id, point.receivedMs)
        if (point.timestampMs > sensor.newestMs) {
          insert(sensor, point, metrics)
          continue
        }
        rows.flushIfHolding(sensor)
        const merged = late.merge(sensor, point, metrics)
        if (merged === undefined) {
          insert(sensor, point, metrics)
          continue
        }
        count.stored += merged.stored
        count.duplicates += merged.duplicates
        count.conflicts += merged.conflicts
        if (merged.stored === 0) continue
        note(sensor, metrics, point.timestampMs)
        // What is in `reading` is found by the column `newest` alone.
        if (merged.isMoved) catalog.saveLater(sensor)
      }
      rows.flush()
      catalog.saveAll()
      lastSeen.save()
      mover.count(inserted)
      mover.step(inserted)
      return { rejected, ...count }
    },
  }
}

function refuseValues(point: Point): Refusal | undefined {
  if (point.values.size === 0) return { reason: 'store.refused', detail: 'The point holds no values.' }
  if (!Number.isSafeInteger(point.timestampMs))
    return { reason: 'store.refused', detail: 'The time is not a whole number of milliseconds.' }
  for (const [metric, value] of point.values) {
    if (!Number.isFinite(value))
      return { reason: 'store.refused', detail: `The value of ${metric} is ${value}, which is not finite.` }
  }
  return undefined
}

/** Points that may find a row of their time: late ones, repeated ones, corrections. */
function createLateRows(database: DatabaseSync) {
  const selectMoved = database.prepare('SELECT max(ts) AS ts FROM reading WHERE sensor_id = ?')
  const fresh = rowsOf(database, 'fresh')
  const reading = rowsOf(database, 'reading')

  function movedMs(sensor: SensorState): number {
    sensor.movedMs ??= asNumber(selectMoved.get(sensor.id)?.ts ?? Number.NEGATIVE_INFINITY)
    return sensor.movedMs
  }

  return {
    /** @returns undefined when there is no row of that time; otherwise it now holds the point's values. */
    merge(sensor: SensorState, point: Point, metrics: readonly number[]) {
      const inFresh = fresh.values(sensor.id, point.timestampMs)
      const isMoved = inFresh === undefined && point.timestampMs <= movedMs(sensor)
      const existing = isMoved ? reading.values(sensor.id, point.timestampMs) : inFresh
      if (existing === undefined) return undefined
      const quality = qualityCode(point.quality)
      const merge = mergeValues(
        existing,
        [...point.values.values()].map((value, index) => ({ metric: metrics[index] ?? 0, quality, value })),
      )
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
