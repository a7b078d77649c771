import type { TenantScope } from '../../ports/tenant-scope.ts'
import type { LatestOfSensor, RangeQuery, SeriesRow } from '../../ports/time-series.ts'
import type { InfluxClient } from './client.ts'
import { fieldsOfMetrics } from './fields.ts'
import { flux, fluxPattern, instant, isOneOf } from './flux.ts'
import { createLatest } from './latest.ts'
import { createRows } from './rows.ts'

/** Sensors that one question asks for. */
const SENSORS_PER_QUERY = 100

/** Reads one InfluxDB. Every question names the tenant of a scope: there is no other way in. */
export function createCellReader({ client, bucket }: { readonly client: Pick<InfluxClient, 'query'>; readonly bucket: string }) {
  return {
    async range(
      scope: TenantScope,
      { sensor, metrics, fromMs, toMs, limit }: RangeQuery,
      signal: AbortSignal,
    ): Promise<readonly SeriesRow[]> {
      const asked = metrics.length === 0 ? flux`` : flux` and r._field =~ ${fluxPattern(fieldsOfMetrics(metrics))}`
      // The newest time that InfluxDB can hold is not behind the end of any range.
      if (fromMs >= toMs) return []
      const query = flux`from(bucket: ${bucket}) |> range(start: ${instant(fromMs)}, stop: ${instant(toMs)})
        |> filter(fn: (r) => r._measurement == "reading" and r.tenant == ${scope.tenant} and r.sensor == ${sensor}${asked})
        |> limit(n: ${limit}) |> keep(columns: ["_time", "_field", "_value"])`
      const rows = createRows(metrics, limit)
      await client.query(query, (row) => rows.add(row('_field'), Date.parse(row('_time')), Number(row('_value'))), signal)
      return rows.finish()
    },

    async latest(scope: TenantScope, sensors: readonly string[], signal: AbortSignal): Promise<readonly LatestOfSensor[]> {
      const found: LatestOfSensor[] = []
      for (let at = 0; at < sensors.length; at += SENSORS_PER_QUERY) {
        const some = sensors.slice(at, at + SENSORS_PER_QUERY)
        const query = flux`from(bucket: ${bucket}) |> range(start: ${instant(Number.MIN_SAFE_INTEGER)}, stop: ${instant(Number.MAX_SAFE_INTEGER)})
          |> filter(fn: (r) => (r._measurement == "reading" or r._measurement == "seen") and r.tenant == ${scope.tenant} and ${isOneOf('sensor', some)})
          |> last() |> keep(columns: ["_measurement", "sensor", "_time", "_field", "_value"])`
        const latest = createLatest()
        await client.query(
          query,
          (row) => {
            if (row('_measurement') === 'seen') latest.seen(row('sensor'), Number(row('_value')))
            else latest.add(row('sensor'), row('_field'), { timestampMs: Date.parse(row('_time')), value: Number(row('_value')) })
          },
          signal,
        )
        found.push(...latest.finish(some))
      }
      return found
    },
  }
}

export type CellReader = ReturnType<typeof createCellReader>
