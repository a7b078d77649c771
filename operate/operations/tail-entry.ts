import type { FromSchema } from 'json-schema-to-ts'
import type { LogRecord } from '../../platform/ports/event-log.ts'
import { compile } from '../../schemas/compile.ts'
import { decodeEnvelope, timeSourceOf } from '../../schemas/envelope.ts'
import { type MessageShell, messageShellSchema, type Reading, readingSchema } from '../../schemas/message.ts'
import { QUALITIES, TIME_SOURCES } from '../../schemas/reading.ts'
import { type Fault, faultsSchema, isReason, REASONS, REJECTION_HEADERS } from '../../schemas/rejection.ts'
import { type GatewayName, isNobodysKey, parseLogKey, REJECTED_TOPIC } from '../../schemas/topics.ts'
import { timeResult, toTime } from './parameters.ts'

const place = {
  tenant: { type: 'string' },
  gateway: { type: 'string' },
  partition: { type: 'integer' },
  offset: { type: 'integer' },
} as const

const readingEntrySchema = {
  type: 'object',
  required: ['topic', 'tenant', 'gateway', 'partition', 'offset', 'receivedAt', 'sensor', 'ts', 'timeSource', 'values'],
  properties: {
    topic: { type: 'string', const: 'readings' },
    ...place,
    receivedAt: timeResult,
    sensor: { type: 'string' },
    ts: timeResult,
    timeSource: { type: 'string', enum: TIME_SOURCES },
    quality: { type: 'string', enum: QUALITIES },
    seq: { type: 'integer' },
    values: { type: 'object', additionalProperties: { type: 'number' } },
  },
} as const

const rejectedEntrySchema = {
  type: 'object',
  required: [
    'topic',
    'tenant',
    'gateway',
    'partition',
    'offset',
    'time',
    'stage',
    'reason',
    'meaning',
    'pointer',
    'detail',
    'sizeBytes',
  ],
  properties: {
    topic: { type: 'string', const: 'rejected' },
    ...place,
    time: timeResult,
    stage: { type: 'string' },
    reason: { type: 'string' },
    meaning: { type: 'string' },
    pointer: { type: 'string' },
    detail: { type: 'string' },
    sizeBytes: { type: 'integer' },
  },
} as const

/** One line of `millrace tail`: a reading that was accepted, or one fault of a message that was not. */
export const tailEntrySchema = { oneOf: [readingEntrySchema, rejectedEntrySchema] } as const
export type ReadingEntry = FromSchema<typeof readingEntrySchema>
export type RejectedEntry = FromSchema<typeof rejectedEntrySchema>
export type TailEntry = ReadingEntry | RejectedEntry

const isShell = compile<MessageShell>(messageShellSchema)
const isReading = compile<Reading>(readingSchema)
const isFaults = compile<Fault[]>(faultsSchema)

/** What the operator is shown of a message that is no known tenant's; its topic is in the detail. */
const NOBODY: GatewayName = { tenant: '-', gateway: '-' }
/** Whose a record is; undefined when its key can't be read. */
export const ownerOf = (key: string): GatewayName | undefined => (isNobodysKey(key) ? NOBODY : parseLogKey(key))

/** The lines that a record gives; none when it can't be read, for then it will be found on `rejected.v1`. */
export function entriesOf(record: LogRecord): readonly TailEntry[] {
  const name = ownerOf(record.key)
  if (name === undefined) return []
  const where = { ...name, partition: record.partition, offset: record.offset }
  return record.topic === REJECTED_TOPIC ? faultsOf(record, where) : readingsOf(record, where)
}

type Where = Pick<ReadingEntry, 'tenant' | 'gateway' | 'partition' | 'offset'>

function readingsOf({ value }: LogRecord, where: Where): readonly ReadingEntry[] {
  const envelope = decodeEnvelope(value)
  const message = envelope && parse(Buffer.from(envelope.payload).toString())
  if (envelope === undefined || !isShell(message)) return []
  const entries: ReadingEntry[] = []
  for (const reading of message.readings) {
    if (!isReading(reading)) continue
    const { sensor, ts = envelope.receivedMs, quality, seq, values } = reading
    entries.push({
      topic: 'readings',
      ...where,
      receivedAt: toTime(envelope.receivedMs),
      sensor,
      ts: toTime(ts),
      timeSource: timeSourceOf(reading.ts),
      ...(quality === undefined ? {} : { quality }),
      ...(seq === undefined ? {} : { seq }),
      values,
    })
  }
  return entries
}

function faultsOf({ value, headers = {}, timestampMs }: LogRecord, where: Where): readonly RejectedEntry[] {
  const listed = parse(headers[REJECTION_HEADERS.faults] ?? '')
  const first = {
    reason: headers[REJECTION_HEADERS.reason] ?? 'record.unreadable',
    pointer: headers[REJECTION_HEADERS.pointer] ?? '',
    detail: headers[REJECTION_HEADERS.message] ?? '',
  }
  const receivedMs = Number(headers[REJECTION_HEADERS.receivedMs] ?? timestampMs)
  const faults = isFaults(listed) ? listed : [first]
  return faults.map(({ reason, pointer, detail }) => ({
    topic: 'rejected',
    ...where,
    time: toTime(Number.isFinite(receivedMs) ? receivedMs : timestampMs),
    stage: headers[REJECTION_HEADERS.stage] ?? 'ingest',
    reason,
    meaning: isReason(reason) ? REASONS[reason] : 'A newer Millrace gave this reason.',
    pointer,
    detail,
    sizeBytes: value.length,
  }))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
