import type { LogRecord } from '../platform/ports/event-log.ts'
import type { Point } from '../platform/ports/time-series.ts'
import { compile } from '../schemas/compile.ts'
import { decodeEnvelope, type Envelope, timeSourceOf } from '../schemas/envelope.ts'
import { type MessageShell, messageShellSchema, type Reading } from '../schemas/message.ts'
import { type GatewayName, parseLogKey } from '../schemas/topics.ts'

/** The points of one record, in the order of its message. */
export interface RecordPoints {
  readonly from: GatewayName
  readonly envelope: Envelope
  readonly points: readonly Point[]
}

/** Only the frame is checked: what is on `readings.v1` was validated before it was acknowledged. */
const isShell = compile<MessageShell>(messageShellSchema)

/** @returns undefined when the record can't be read: by another version, or damaged. The caller must dead-letter it. */
export function readPoints(record: LogRecord): RecordPoints | undefined {
  const from = parseLogKey(record.key)
  const envelope = decodeEnvelope(record.value)
  if (from === undefined || envelope === undefined) return undefined
  const readings = parseReadings(envelope.payload)
  if (readings === undefined) return undefined
  return { from, envelope, points: readings.map((reading) => toPoint(from.tenant, reading, envelope.receivedMs)) }
}

function parseReadings(payload: Uint8Array): readonly Reading[] | undefined {
  try {
    const message: { readonly readings: readonly Reading[] } = JSON.parse(
      Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'),
    )
    return isShell(message) ? message.readings : undefined
  } catch {
    return undefined
  }
}

function toPoint(tenant: string, { sensor, ts, quality, seq, values }: Reading, receivedMs: number): Point {
  const byMetric = new Map<string, number>()
  for (const metric in values) byMetric.set(metric, values[metric] ?? 0)
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
