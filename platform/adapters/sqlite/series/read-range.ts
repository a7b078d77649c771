import type { DatabaseSync } from 'node:sqlite'
import { asBytes, asNumber } from '../database.ts'
import type { FoundSensor, IdFinder } from './find-ids.ts'
import { createPageBuilder, type RowPage } from './row-page.ts'

/** Rows that one call looks at, wanted or not: some 50 ms. */
const ROWS_SCANNED_MAX = 50_000
/** Bytes of one page: some 5 ms of the thread that unpacks it. */
const PAGE_BYTES_MAX = 262_144

export interface RangeRequest {
  readonly tenant: string
  readonly sensor: string
  /** Empty means all. */
  readonly metrics: readonly string[]
  readonly fromMs: number
  readonly toMs: number
  readonly limit: number
}

const NOTHING: RowPage = { bytes: new Uint8Array(), metricNames: new Map(), resumeMs: undefined }

/** Answers a range query a slice at a time, so that no query holds a thread for long. Runs within a read transaction of the caller. */
export function createRangeReader(database: DatabaseSync, ids: IdFinder): (request: RangeRequest) => RowPage {
  // One statement sees each row once: in `fresh` or in `reading`, whichever it is in at that moment.
  const select = database.prepare(`
    SELECT ts, data FROM fresh WHERE sensor_id = ?1 AND ts >= ?2 AND ts < ?3
    UNION ALL SELECT ts, data FROM reading WHERE sensor_id = ?1 AND ts >= ?2 AND ts < ?3
    ORDER BY ts LIMIT ?4`)

  function scan(sensor: FoundSensor, metrics: ReadonlySet<number>, { fromMs, toMs, limit }: RangeRequest): RowPage {
    const page = createPageBuilder()
    const isWanted = (metric: number): boolean => metrics.has(metric)
    let scanned = 0
    let rows = 0
    let resumeMs: number | undefined
    for (const row of select.iterate(sensor.id, fromMs, toMs, ROWS_SCANNED_MAX)) {
      const ts = asNumber(row.ts)
      scanned++
      if (page.add(ts, asBytes(row.data), isWanted)) rows++
      if (rows === limit) break
      if (scanned === ROWS_SCANNED_MAX || page.sizeBytes() > PAGE_BYTES_MAX) {
        resumeMs = ts + 1
        break
      }
    }
    const metricNames = new Map([...metrics].map((id) => [id, ids.metricName(sensor.tenantId, id)]))
    return { bytes: page.take(), metricNames, resumeMs }
  }

  return (request) => {
    const tenantId = ids.tenant(request.tenant)
    const sensor = tenantId === undefined ? undefined : ids.sensor(tenantId, request.sensor)
    if (sensor === undefined) return NOTHING
    const ofSensor = new Set(sensor.newest.metrics)
    if (request.metrics.length === 0) return scan(sensor, ofSensor, request)
    const asked = new Set(request.metrics.map((name) => ids.metric(sensor.tenantId, name) ?? -1))
    const wanted = ofSensor.intersection(asked)
    return wanted.size === 0 ? NOTHING : scan(sensor, wanted, request)
  }
}
