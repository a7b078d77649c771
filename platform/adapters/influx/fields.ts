import { isMetricName } from '../../../schemas/names.ts'
import { QUALITIES, type Quality, TIME_SOURCES, type TimeSource } from '../../../schemas/reading.ts'
import type { Point } from '../../ports/time-series.ts'

/**
 * How a point becomes fields. Each metric is a float field of its name. What belongs to all values of a point (when it was received, whose
 * clock it was, how good it is) is one integer field whose name lists those metrics: `#energy_wh+power_w`. So points of one time
 * that name other metrics don't disturb each other, and a later point of the same metrics replaces all of the earlier one.
 */
export const POINT_MARK = '#'
export const SEQUENCE_MARK = '$'
const BETWEEN = '+'

/** InfluxDB drops a field of the name `time` in silence; a field and a tag of one name can't be told apart in a query. */
const RESERVED: ReadonlySet<string> = new Set(['time', 'tenant', 'sensor'])
const RESERVED_MARK = '!'

export const fieldOf = (metric: string): string => (RESERVED.has(metric) ? RESERVED_MARK + metric : metric)
export const metricOf = (field: string): string => (field.startsWith(RESERVED_MARK) ? field.slice(1) : field)

export const listMetrics = (metrics: readonly string[]): string => metrics.toSorted().join(BETWEEN)
/** @param field  One that begins with a mark. */
export const metricsListed = (field: string): readonly string[] => field.slice(1).split(BETWEEN)

/** Matches the fields of these metrics, and those that list one of them. @throws {TypeError} for what isn't a metric. */
export function fieldsOfMetrics(metrics: readonly string[]): RegExp {
  for (const metric of metrics) if (!isMetricName(metric)) throw new TypeError(`${JSON.stringify(metric)} is not a metric.`)
  const any = metrics.join('|')
  return new RegExp(`^(${RESERVED_MARK}?(${any})|[${POINT_MARK}${SEQUENCE_MARK}](.*[${BETWEEN}])?(${any})([${BETWEEN}].*)?)$`)
}

export interface PointFacts {
  readonly receivedMs: number
  readonly timeSource: TimeSource
  readonly quality: Quality
  readonly hasSequence: boolean
}

const QUALITY_STEP = 1
const SOURCE_STEP = 4
const SEQUENCE_STEP = 16
const RECEIVED_STEP = 32

/** Stays below 2^53 until the year 10,000. */
export function packFacts({ receivedMs, timeSource, quality, sequence }: Point): number {
  const flags = QUALITIES.indexOf(quality ?? 'good') * QUALITY_STEP + TIME_SOURCES.indexOf(timeSource) * SOURCE_STEP
  return receivedMs * RECEIVED_STEP + (sequence === undefined ? 0 : SEQUENCE_STEP) + flags
}

export function unpackFacts(packed: number): PointFacts {
  const receivedMs = Math.floor(packed / RECEIVED_STEP)
  const flags = packed - receivedMs * RECEIVED_STEP
  return {
    receivedMs,
    hasSequence: flags >= SEQUENCE_STEP,
    timeSource: TIME_SOURCES[Math.floor((flags % SEQUENCE_STEP) / SOURCE_STEP)] ?? 'receipt',
    quality: QUALITIES[flags % SOURCE_STEP] ?? 'good',
  }
}
