import type { Point } from '../../ports/time-series.ts'
import { packFacts } from './fields.ts'
import type { SensorNames } from './names.ts'

/** Line protocol, milliseconds. Every value is a float, so that a metric never changes its type; -0 keeps its sign. */
export function toLine(point: Point, { prefix, shape: { assigns, lists } }: SensorNames): string {
  let line = prefix
  let index = 0
  for (const value of point.values.values()) line += `${assigns[index++]}${value === 0 && Object.is(value, -0) ? '-0' : value}`
  const packed = packFacts(point)
  for (const { facts, sequence } of lists) {
    line += `${facts}${packed}i`
    if (point.sequence !== undefined) line += `${sequence}${point.sequence}`
  }
  return `${line} ${point.timestampMs}`
}

const HOUR_MS = 3_600_000

/** When a sensor was last heard: one point an hour, written again with each batch, so that the newest is found without a search. */
export function toSeenLine({ seenPrefix, seenMs }: SensorNames): string {
  return `${seenPrefix}${seenMs} ${Math.floor(seenMs / HOUR_MS) * HOUR_MS}`
}
