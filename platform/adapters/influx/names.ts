import { isMetricName, isSensorId, isTenantId } from '../../../schemas/names.ts'
import type { Reason } from '../../../schemas/rejection.ts'
import type { Point } from '../../ports/time-series.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { fieldOf, listMetrics, POINT_MARK, SEQUENCE_MARK } from './fields.ts'

export interface NameLimits {
  readonly sensorsPerTenantMax: number
  readonly metricsPerTenantMax: number
}

/** What a tenant has in the store, as far as the writer knows. */
export interface TenantNames {
  readonly sensors: Map<string, SensorNames>
  /** Metric to field. */
  readonly metrics: Map<string, string>
  /** By the metrics of a point in its own order, so that a sensor's usual point costs one look. */
  readonly lists: Map<string, readonly MetricList[]>
}

export interface SensorNames {
  /** Beginning of its lines, up to the fields. */
  readonly prefix: string
  readonly seenPrefix: string
  /** Decides which of its batch's requests its lines go with. */
  readonly hash: number
  /** When it was received last, as far as `seen` says it. */
  seenMs: number
  /** Time of its newest point, as far as this writer knows. */
  newestMs: number
}

/** Metrics of one point that share a field with its facts. */
export interface MetricList {
  readonly factsField: string
  readonly sequenceField: string
}

export interface Refusal {
  readonly reason: Reason
  readonly detail: string
}

/** A list's name is as long as its metrics are; a field's name may have 64 KiB, and nobody wants to see those. */
const METRICS_PER_LIST_MAX = 16
/** A tenant that names other metrics together each time would fill the schema with lists: past this, each metric has its own. */
const LISTS_PER_TENANT_MAX = 256

export const createTenantNames = (): TenantNames => ({ sensors: new Map(), metrics: new Map(), lists: new Map() })

/** Names are ASCII without anything that line protocol would want escaped: schemas/names.ts. */
export function addSensor({ sensors }: TenantNames, tenant: string, id: string, seenMs = 0): SensorNames {
  const tags = `sensor=${id},tenant=${tenant}`
  const names = {
    prefix: `reading,${tags} `,
    seenPrefix: `seen,${tags} received=`,
    hash: partitionOf(id, Number.MAX_SAFE_INTEGER),
    seenMs,
    newestMs: Number.POSITIVE_INFINITY,
  }
  sensors.set(id, names)
  return names
}

export function addMetric({ metrics }: TenantNames, metric: string): void {
  metrics.set(metric, fieldOf(metric))
}

export function listsOf({ lists }: TenantNames, metrics: Iterable<string>): readonly MetricList[] {
  let key = ''
  for (const metric of metrics) key += `${metric},`
  const known = lists.get(key)
  if (known !== undefined) return known
  const names = key.slice(0, -1).split(',')
  const size = lists.size < LISTS_PER_TENANT_MAX ? METRICS_PER_LIST_MAX : 1
  const made: MetricList[] = []
  for (let at = 0; at < names.length; at += size) {
    const list = listMetrics(names.slice(at, at + size))
    made.push({ factsField: POINT_MARK + list, sequenceField: SEQUENCE_MARK + list })
  }
  if (size > 1) lists.set(key, made)
  return made
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
export function takeNames(names: TenantNames, { tenant, sensor, values }: Point): SensorNames {
  for (const metric of values.keys()) if (!names.metrics.has(metric)) addMetric(names, metric)
  return names.sensors.get(sensor) ?? addSensor(names, tenant, sensor)
}
