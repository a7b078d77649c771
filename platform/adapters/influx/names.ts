import { isMetricName, isSensorId, isTenantId } from '../../../schemas/names.ts'
import type { Reason } from '../../../schemas/rejection.ts'
import type { Point } from '../../ports/time-series.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { createShapes, NO_SHAPE, type Shape, type Shapes } from './shape.ts'

export interface NameLimits {
  readonly sensorsPerTenantMax: number
  readonly metricsPerTenantMax: number
}

/** What a tenant has in the store, as far as the writer knows. */
export interface TenantNames {
  readonly sensors: Map<string, SensorNames>
  readonly metrics: Set<string>
  readonly shapes: Shapes
}

export interface SensorNames {
  /** Beginning of its lines, up to the fields. */
  readonly prefix: string
  readonly seenPrefix: string
  /** Decides which of its batch's requests its lines go with. */
  readonly hash: number
  /** When it was received last, as far as `seen` says it. */
  seenMs: number
  /** Time of its newest point: what the store had when its tenant was met first, and what was written since. */
  newestMs: number
  /** Of its last point, which the next one mostly has too. */
  shape: Shape
}

export interface Refusal {
  readonly reason: Reason
  readonly detail: string
}

export const createTenantNames = (): TenantNames => ({ sensors: new Map(), metrics: new Set(), shapes: createShapes() })

/** Names are ASCII without anything that line protocol would want escaped: schemas/names.ts. */
export function addSensor({ sensors }: TenantNames, tenant: string, id: string): SensorNames {
  const tags = `sensor=${id},tenant=${tenant}`
  const names = {
    prefix: `reading,${tags} `,
    seenPrefix: `seen,${tags} received=`,
    hash: partitionOf(id, Number.MAX_SAFE_INTEGER),
    seenMs: 0,
    newestMs: Number.NEGATIVE_INFINITY,
    shape: NO_SHAPE,
  }
  sensors.set(id, names)
  return names
}

/** @returns why a point can't be stored; undefined when it can. */
export function refusalOf(names: TenantNames, point: Point, limits: NameLimits): Refusal | undefined {
  const { tenant, sensor, timestampMs, values } = point
  if (values.size === 0) return { reason: 'store.refused', detail: 'The point holds no values.' }
  if (!Number.isSafeInteger(timestampMs))
    return { reason: 'store.refused', detail: 'The time is not a whole number of milliseconds.' }
  let unknown = 0
  for (const [metric, value] of values) {
    if (!Number.isFinite(value))
      return { reason: 'store.refused', detail: `The value of ${metric} is ${value}, which is not finite.` }
    if (names.metrics.has(metric)) continue
    if (!isMetricName(metric)) return { reason: 'store.refused', detail: 'The name of a metric breaks the grammar of names.' }
    unknown++
  }
  if (unknown > 0 && names.metrics.size + unknown > limits.metricsPerTenantMax)
    return { reason: 'store.metric-limit', detail: `The tenant may have ${limits.metricsPerTenantMax} metrics.` }
  if (names.sensors.has(sensor)) return undefined
  if (!isSensorId(sensor) || !isTenantId(tenant))
    return { reason: 'store.refused', detail: 'The name of the sensor breaks the grammar of names.' }
  if (names.sensors.size >= limits.sensorsPerTenantMax)
    return { reason: 'store.sensor-limit', detail: `The tenant may have ${limits.sensorsPerTenantMax} sensors.` }
  return undefined
}

/** Takes the names of a point that can be stored. */
export function takeNames(names: TenantNames, { tenant, sensor: id, values }: Point): SensorNames {
  for (const metric of values.keys()) names.metrics.add(metric)
  const sensor = names.sensors.get(id) ?? addSensor(names, tenant, id)
  sensor.shape = names.shapes.of(values.keys())
  return sensor
}
