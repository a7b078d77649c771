import type { DatabaseSync } from 'node:sqlite'
import { QUALITIES } from '../../../../schemas/reading.ts'
import type { LatestOfSensor, LatestValue } from '../../../ports/time-series.ts'
import { asBytes, asNumber } from '../database.ts'
import type { FoundSensor, IdFinder } from './find-ids.ts'
import { createLastSeenReader } from './last-seen.ts'
import { decodeValues, type RowValue } from './row-data.ts'

interface Found extends RowValue {
  readonly timestampMs: number
}

/**
 * The newest value of each metric, exactly, however long ago a metric was last measured. The column `newest` names all
 * metrics of a sensor and when each was last measured, except for what came since, which is in `fresh`. So `fresh` is
 * walked from its newest row backwards until every metric was met or can't be newer than `newest` says; the usual walk is one row.
 */
export function createLatestReader(database: DatabaseSync, ids: IdFinder) {
  const selectFresh = database.prepare('SELECT ts, data FROM fresh WHERE sensor_id = ? ORDER BY ts DESC')
  const selectRow = database.prepare(
    'SELECT data FROM fresh WHERE sensor_id = ?1 AND ts = ?2 UNION ALL SELECT data FROM reading WHERE sensor_id = ?1 AND ts = ?2',
  )
  const lastSeenMs = createLastSeenReader(database)

  function findInFresh(sensor: FoundSensor, missing: Map<number, number>): Found[] {
    const found: Found[] = []
    let oldestMs = Math.min(...missing.values())
    for (const row of selectFresh.iterate(sensor.id)) {
      const timestampMs = asNumber(row.ts)
      if (timestampMs < oldestMs) break
      for (const value of decodeValues(asBytes(row.data))) {
        const knownMs = missing.get(value.metric)
        if (knownMs === undefined || knownMs > timestampMs) continue
        found.push({ ...value, timestampMs })
        missing.delete(value.metric)
        oldestMs = Math.min(...missing.values())
      }
      if (missing.size === 0) break
    }
    return found
  }

  /** Retention may have taken a row that `newest` still names; then there is no newer one, and no value. */
  function findByTime(sensor: FoundSensor, missing: ReadonlyMap<number, number>): Found[] {
    return [...new Set(missing.values())].flatMap((timestampMs) => {
      const row = selectRow.get(sensor.id, timestampMs)
      const values = row === undefined ? [] : decodeValues(asBytes(row.data))
      return values.filter(({ metric }) => missing.get(metric) === timestampMs).map((value) => ({ ...value, timestampMs }))
    })
  }

  function toLatest(tenantId: number, { metric, timestampMs, value, quality }: Found): LatestValue {
    const plain = { metric: ids.metricName(tenantId, metric), timestampMs, value }
    return quality === 0 ? plain : { ...plain, quality: QUALITIES[quality] ?? 'good' }
  }

  function latestOf(tenantId: number, name: string): LatestOfSensor | undefined {
    const sensor = ids.sensor(tenantId, name)
    if (sensor === undefined) return undefined
    const missing = new Map(sensor.newest.metrics.map((metric, slot) => [metric, sensor.newest.times[slot] ?? 0]))
    const found = [...findInFresh(sensor, missing), ...findByTime(sensor, missing)]
    if (found.length === 0) return undefined
    const values = found.map((value) => toLatest(tenantId, value)).sort((a, b) => (a.metric < b.metric ? -1 : 1))
    return { sensor: name, lastSeenMs: lastSeenMs(sensor.id), values }
  }

  /** Runs within a read transaction of the caller. */
  return (tenant: string, sensors: readonly string[]): LatestOfSensor[] => {
    const tenantId = ids.tenant(tenant)
    if (tenantId === undefined) return []
    return sensors.map((name) => latestOf(tenantId, name)).filter((latest) => latest !== undefined)
  }
}
