import type { LogRecord } from '../platform/ports/event-log.ts'
import type { Point } from '../platform/ports/time-series.ts'
import { asBuffer } from '../schemas/as-buffer.ts'
import { compile } from '../schemas/compile.ts'
import { decodeEnvelope, type Envelope, timeSourceOf } from '../schemas/envelope.ts'
import { type MessageShell, messageShellSchema, type Reading } from '../schemas/message.ts'
import { isSensorId } from '../schemas/names.ts'
import { QUALITIES } from '../schemas/reading.ts'
import { type GatewayName, parseLogKey } from '../schemas/topics.ts'
import { plainPoints, type Receipt } from './plain-points.ts'

/** The points of one record, in the order of its message. */
export interface RecordPoints {
  readonly from: GatewayName
  readonly envelope: Envelope
  readonly points: readonly Point[]
}

const isShell = compile<MessageShell>(messageShellSchema)
const qualities: ReadonlySet<unknown> = new Set(QUALITIES)

/** @returns undefined when the record can't be read: by another version, or damaged. The caller must dead-letter it. */
export function readPoints(record: LogRecord): RecordPoints | undefined {
  const from = nameOf(record.key)
  const envelope = decodeEnvelope(record.value)
  if (from === undefined || envelope === undefined) return undefined
  const receipt = { tenant: from.tenant, receivedMs: envelope.receivedMs }
  const points = plainPoints(envelope.payload, receipt) ?? parsePoints(envelope.payload, receipt)
  return points && { from, envelope, points }
}

/** Gateways are few, and their records many. */
const names = new Map<string, GatewayName>()
const NAMES_CACHED_MAX = 100_000

function nameOf(key: string): GatewayName | undefined {
  const known = names.get(key)
  if (known !== undefined) return known
  const name = parseLogKey(key)
  if (names.size >= NAMES_CACHED_MAX) names.clear()
  if (name !== undefined) names.set(key, name)
  return name
}

function parsePoints(payload: Uint8Array, receipt: Receipt): readonly Point[] | undefined {
  try {
    const message: unknown = JSON.parse(asBuffer(payload).toString('utf8'))
    if (!isShell(message)) return undefined
    const readings: readonly unknown[] = message.readings
    return readings.every(isReading) ? readings.map((reading) => toPoint(reading, receipt)) : undefined
  } catch {
    return undefined
  }
}

/**
 * What is on `readings.v1` was validated before it was acknowledged. This only makes sure, at little cost, that a record of another kind
 * ends up among the rejected ones: it would come back again and again otherwise, and nothing behind it would be stored.
 */
function isReading(value: unknown): value is Reading {
  if (typeof value !== 'object' || value === null || !('sensor' in value && 'values' in value)) return false
  const { sensor, values } = value
  if (typeof sensor !== 'string' || !isSensorId(sensor) || typeof values !== 'object' || values === null) return false
  if ('ts' in value && !Number.isSafeInteger(value.ts)) return false
  if ('seq' in value && !Number.isSafeInteger(value.seq)) return false
  if ('quality' in value && !qualities.has(value.quality)) return false
  return Object.values(values).every((one) => typeof one === 'number')
}

function toPoint({ sensor, ts, quality, seq, values }: Reading, { tenant, receivedMs }: Receipt): Point {
  const byMetric = new Map<string, number>()
  for (const metric in values) {
    const value = values[metric]
    if (value !== undefined) byMetric.set(metric, value)
  }
  return {
    tenant,
    sensor,
    timestampMs: ts ?? receivedMs,
    receivedMs,
    timeSource: timeSourceOf(ts),
    values: byMetric,
    ...(quality !== undefined && { quality }),
    ...(seq !== undefined && { sequence: seq }),
  }
}
