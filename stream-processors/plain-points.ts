import type { Point } from '../platform/ports/time-series.ts'
import { timeSourceOf } from '../schemas/envelope.ts'
import { createPlainReader, type PlainMessage } from '../schemas/plain-message.ts'
import { QUALITIES } from '../schemas/reading.ts'
import { createNameTexts } from './name-texts.ts'

const readPlain = createPlainReader()
const sensorText = createNameTexts()
const metricText = createNameTexts()

export interface Receipt {
  readonly tenant: string
  /** Epoch milliseconds. */
  readonly receivedMs: number
}

/** @returns the points of a message that can be read straight from its bytes; undefined for one that must be parsed. */
export function plainPoints(payload: Uint8Array, receipt: Receipt): readonly Point[] | undefined {
  const message = readPlain(payload)
  if (message === undefined) return undefined
  const points: Point[] = []
  for (let index = 0; index < message.count; index++) points.push(toPoint(message, index, receipt))
  return points
}

function toPoint(message: PlainMessage, index: number, { tenant, receivedMs }: Receipt): Point {
  const { bytes, sensors, ts, sequence, quality } = message
  const sent = given(ts, index)
  const point = {
    tenant,
    sensor: sensorText(bytes, sensors, index),
    timestampMs: sent ?? receivedMs,
    receivedMs,
    timeSource: timeSourceOf(sent),
    values: valuesOf(message, index),
  }
  const named = QUALITIES[quality[index] ?? -1]
  const counted = given(sequence, index)
  if (named === undefined && counted === undefined) return point
  return { ...point, ...(named !== undefined && { quality: named }), ...(counted !== undefined && { sequence: counted }) }
}

function given(numbers: Float64Array, index: number): number | undefined {
  const number = numbers[index]
  return number === undefined || Number.isNaN(number) ? undefined : number
}

function valuesOf({ bytes, metrics, metricsEnd, values }: PlainMessage, index: number): ReadonlyMap<string, number> {
  const byMetric = new Map<string, number>()
  const end = metricsEnd[index] ?? 0
  for (let metric = index === 0 ? 0 : (metricsEnd[index - 1] ?? 0); metric < end; metric++)
    byMetric.set(metricText(bytes, metrics, metric), values[metric] ?? Number.NaN)
  return byMetric
}
