import type { DatabaseSync } from 'node:sqlite'
import type { Point, WriteOutcome } from '../../../ports/time-series.ts'
import { type AcceptedPoint, createAcceptance, type NameLimits } from './accept-point.ts'
import type { Catalog } from './catalog.ts'
import { createInserter, type InsertLimits } from './insert-rows.ts'
import { createLastSeen } from './last-seen.ts'
import { createLateRows } from './late-rows.ts'
import type { Mover } from './move-rows.ts'
import { noteValue } from './sensor-state.ts'
import type { SensorStates } from './sensor-states.ts'

export interface PointStoreParts {
  readonly states: SensorStates
  readonly catalog: Catalog
  readonly mover: Mover
  readonly limits: NameLimits & InsertLimits
}

/**
 * Stores a batch, within a transaction of the caller. What is newer than all rows of its sensor is inserted without a look;
 * the rest is looked up first. After a failure it must be made anew, with its parts.
 */
export function createPointStore(database: DatabaseSync, { states, catalog, mover, limits }: PointStoreParts) {
  const accept = createAcceptance(catalog, limits)
  const rows = createInserter(database, states, limits)
  const lastSeen = createLastSeen(database)
  const late = createLateRows(database)

  function note(timestampMs: number, { sensor, metrics }: AcceptedPoint): void {
    for (let slotHint = 0; slotHint < metrics.length; slotHint++) {
      if (noteValue(sensor, metrics[slotHint] ?? 0, { timestampMs, slotHint })) states.saveLater(sensor)
    }
  }

  /** @returns undefined when the point's time has no row yet. */
  function mergeLate(point: Point, accepted: AcceptedPoint) {
    rows.flushIfHolding(accepted.sensor)
    const merged = late.merge(point, accepted)
    if (merged === undefined || merged.stored === 0) return merged
    note(point.timestampMs, accepted)
    // What is in `reading` is found by the column `newest` alone.
    if (merged.isMoved) states.saveLater(accepted.sensor)
    return merged
  }

  return (points: Iterable<Point>): WriteOutcome => {
    const rejected: { index: number; reason: string; detail: string }[] = []
    const count = { stored: 0, duplicates: 0, conflicts: 0 }
    let index = -1
    for (const point of points) {
      index++
      const accepted = accept(point)
      if ('reason' in accepted) {
        rejected.push({ index, ...accepted })
        continue
      }
      lastSeen.note(accepted.sensor.id, point.receivedMs)
      const merged = point.timestampMs > accepted.sensor.newestMs ? undefined : mergeLate(point, accepted)
      count.stored += merged ? merged.stored : accepted.metrics.length
      count.duplicates += merged?.duplicates ?? 0
      count.conflicts += merged?.conflicts ?? 0
      if (merged !== undefined) continue
      rows.add(point, accepted)
      note(point.timestampMs, accepted)
    }
    const freshRows = rows.finish()
    states.saveAll()
    lastSeen.save()
    mover.step(freshRows)
    return { rejected, ...count }
  }
}
