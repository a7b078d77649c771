import type { Point } from '../../ports/time-series.ts'
import { packFacts } from './fields.ts'
import { listsOf, type SensorNames, type TenantNames } from './names.ts'

/** Line protocol, milliseconds. Every value is a float, so that a metric never changes its type; -0 keeps its sign. */
export function toLine(point: Point, names: TenantNames, { prefix }: SensorNames): string {
  let line = prefix
  for (const [metric, value] of point.values) {
    line += `${names.metrics.get(metric) ?? metric}=${value === 0 && Object.is(value, -0) ? '-0' : value},`
  }
  const facts = packFacts(point)
  for (const { factsField, sequenceField } of listsOf(names, point.values.keys())) {
    line += `${factsField}=${facts}i,`
    if (point.sequence !== undefined) line += `${sequenceField}=${point.sequence},`
  }
  return `${line.slice(0, -1)} ${point.timestampMs}`
}

const HOUR_MS = 3_600_000

/** When a sensor was last heard: one point an hour, written again with each batch, so that the newest is found without a search. */
export function toSeenLine({ seenPrefix, seenMs }: SensorNames): string {
  return `${seenPrefix}${seenMs} ${Math.floor(seenMs / HOUR_MS) * HOUR_MS}`
}
