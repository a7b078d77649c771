import type { InfluxClient, Row } from './client.ts'
import { metricOf, POINT_MARK, SEQUENCE_MARK } from './fields.ts'
import { flux, fluxPattern, instant } from './flux.ts'
import { addSensor, createTenantNames, type SensorNames, type TenantNames } from './names.ts'

/** Which sensors and metrics the tenants have: read from the store when a tenant is first met, and kept up by the writer itself. */
export interface NameDirectory {
  /** @throws {MillraceError} `time-series.unavailable`. */
  load(tenants: ReadonlySet<string>, signal: AbortSignal): Promise<void>
  /** @returns undefined for a tenant that must be loaded first. */
  of(tenant: string): TenantNames | undefined
}

export interface NameDirectoryOptions {
  readonly client: InfluxClient
  readonly bucket: string
  /** Sensors, of all tenants, that are remembered; past it, all are forgotten and read anew. 100,000 take some 40 MB. */
  readonly sensorsRememberedMax: number
}

/** Tenants that are read at the same time. */
const LOADS_AT_ONCE = 8
const FACTS = fluxPattern(new RegExp(`^${POINT_MARK}`))

export function createNameDirectory({ client, bucket, sensorsRememberedMax }: NameDirectoryOptions): NameDirectory {
  const tenants = new Map<string, TenantNames>()

  async function loadOne(tenant: string, signal: AbortSignal): Promise<void> {
    const names = createTenantNames()
    const sensors = flux`from(bucket: ${bucket}) |> range(start: ${instant(0)}, stop: ${instant(Number.MAX_SAFE_INTEGER)})
      |> filter(fn: (r) => r._measurement == "seen" and r.tenant == ${tenant}) |> last() |> group() |> keep(columns: ["sensor", "_value"])`
    const fields = flux`import "influxdata/influxdb/schema"
      schema.fieldKeys(bucket: ${bucket}, start: ${instant(0)}, predicate: (r) => r._measurement == "reading" and r.tenant == ${tenant})`
    // Every point has a field of its facts, whatever else it has.
    const newest = flux`from(bucket: ${bucket}) |> range(start: ${instant(0)}, stop: ${instant(Number.MAX_SAFE_INTEGER)})
      |> filter(fn: (r) => r._measurement == "reading" and r.tenant == ${tenant} and r._field =~ ${FACTS}) |> last() |> group() |> keep(columns: ["sensor", "_time"])`
    const sensorOf = (row: Row): SensorNames => names.sensors.get(row('sensor')) ?? addSensor(names, tenant, row('sensor'))
    await Promise.all([
      client.query(sensors, (row) => (sensorOf(row).seenMs = Number(row('_value'))), signal),
      client.query(newest, (row) => noteNewest(sensorOf(row), Date.parse(row('_time'))), signal),
      client.query(fields, (row) => addField(names, row('_value')), signal),
    ])
    tenants.set(tenant, names)
  }

  return {
    async load(wanted, signal) {
      let count = 0
      for (const { sensors } of tenants.values()) count += sensors.size
      if (count > sensorsRememberedMax) tenants.clear()
      const missing = [...wanted].filter((tenant) => !tenants.has(tenant))
      for (let at = 0; at < missing.length; at += LOADS_AT_ONCE)
        await Promise.all(missing.slice(at, at + LOADS_AT_ONCE).map((tenant) => loadOne(tenant, signal)))
    },
    of: (tenant) => tenants.get(tenant),
  }
}

function noteNewest(sensor: SensorNames, timeMs: number): void {
  sensor.newestMs = Math.max(sensor.newestMs, timeMs)
}

function addField(names: TenantNames, field: string): void {
  if (!field.startsWith(POINT_MARK) && !field.startsWith(SEQUENCE_MARK)) names.metrics.add(metricOf(field))
}
