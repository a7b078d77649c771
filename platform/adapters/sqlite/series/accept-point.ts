import type { Reason } from '../../../../schemas/rejection.ts'
import type { Point } from '../../../ports/time-series.ts'
import type { Catalog, TenantState } from './catalog.ts'
import type { SensorState } from './sensor-state.ts'

export interface NameLimits {
  readonly sensorsPerTenantMax: number
  readonly metricsPerTenantMax: number
}

export interface Refusal {
  readonly reason: Reason
  readonly detail: string
}

export interface AcceptedPoint {
  readonly sensor: SensorState
  /** Ids of the point's metrics, in the order of its values. */
  readonly metrics: readonly number[]
}

/** Stands in for the id of a metric that the tenant doesn't have yet. */
const UNKNOWN = -1

/** Decides whether a point can be stored, and turns its names into ids. A refused point leaves nothing behind. */
export function createAcceptance(catalog: Catalog, limits: NameLimits): (point: Point) => AcceptedPoint | Refusal {
  function addMetrics(tenant: TenantState, point: Point, ids: number[]): void {
    for (const [index, name] of [...point.values.keys()].entries()) {
      if (ids[index] === UNKNOWN) ids[index] = catalog.addMetric(tenant, name)
    }
  }

  return (point) => {
    if (point.values.size === 0) return { reason: 'store.refused', detail: 'The point holds no values.' }
    if (!Number.isSafeInteger(point.timestampMs)) {
      return { reason: 'store.refused', detail: 'The time is not a whole number of milliseconds.' }
    }
    const tenant = catalog.tenant(point.tenant)
    const metrics: number[] = []
    let unknown = 0
    for (const [name, value] of point.values) {
      if (!Number.isFinite(value)) {
        return { reason: 'store.refused', detail: `The value of ${name} is ${value}, which is not finite.` }
      }
      const id = tenant.metrics.get(name) ?? UNKNOWN
      if (id === UNKNOWN) unknown++
      metrics.push(id)
    }
    if (unknown > 0 && tenant.metrics.size + unknown > limits.metricsPerTenantMax) {
      return { reason: 'store.metric-limit', detail: `The tenant may have ${limits.metricsPerTenantMax} metrics.` }
    }
    const known = catalog.sensor(tenant, point.sensor)
    if (known === undefined && tenant.sensorCount >= limits.sensorsPerTenantMax) {
      return { reason: 'store.sensor-limit', detail: `The tenant may have ${limits.sensorsPerTenantMax} sensors.` }
    }
    if (unknown > 0) addMetrics(tenant, point, metrics)
    return { sensor: known ?? catalog.addSensor(tenant, point.sensor), metrics }
  }
}
