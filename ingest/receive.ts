import { type NewRecord, sizeOfAll } from '../platform/ports/event-log.ts'
import { encodeEnvelope } from '../schemas/envelope.ts'
import type { Reading } from '../schemas/message.ts'
import { createPlainReader, type PlainMessage } from '../schemas/plain-message.ts'
import { type Fault, REJECTION_HEADERS } from '../schemas/rejection.ts'
import { type GatewayName, logKey, READINGS_TOPIC, REJECTED_TOPIC, readingsTopic } from '../schemas/topics.ts'
import { checkMessage } from './check-message.ts'
import { checkTime, type TimeWindow } from './check-time.ts'
import { decodePayload } from './decode-payload.ts'

const readPlain = createPlainReader()

export interface Received {
  /** What must be durable before the message is acknowledged: the readings to keep, the message if something in it was refused, or both. */
  readonly records: readonly NewRecord[]
  /** Of the records, with their headers. */
  readonly sizeBytes: number
  readonly accepted: number
  readonly faults: readonly Fault[]
}

/**
 * Decides what becomes of a message. Pure: the same bytes at the same time give the same records.
 *
 * @param payload     As published, perhaps compressed.
 * @param receivedMs  Epoch milliseconds.
 */
export function receive(from: GatewayName, payload: Uint8Array, receivedMs: number, window: TimeWindow): Received {
  const origin: Origin = { key: logKey(from), topic: readingsTopic(from) }
  const plain = readPlain(payload)
  if (plain !== undefined && areTimely(plain, receivedMs, window))
    return received([readingsRecord(origin, payload, receivedMs)], plain.count, [])
  const result = decodePayload(payload)
  if (!result.ok) return received([rejection(origin, payload, receivedMs, [result.fault])], 0, [result.fault])

  const { good, isWhole, faults } = checkMessage(result.decoded, receivedMs, window)
  const records: NewRecord[] = []
  if (good.length > 0) {
    const json = isWhole ? result.decoded.json : encodeReadings(good)
    records.push(readingsRecord(origin, json, receivedMs))
  }
  if (faults.length > 0) records.push(rejection(origin, payload, receivedMs, faults))
  return received(records, good.length, faults)
}

function areTimely({ count, ts }: PlainMessage, nowMs: number, window: TimeWindow): boolean {
  for (let index = 0; index < count; index++) {
    const time = ts[index] ?? Number.NaN
    if (!Number.isNaN(time) && checkTime(time, nowMs, window) !== undefined) return false
  }
  return true
}

function readingsRecord({ key }: Origin, json: Uint8Array, receivedMs: number): NewRecord {
  return { topic: READINGS_TOPIC, key, value: encodeEnvelope({ codec: 'json', receivedMs, traceparent: '', payload: json }) }
}

function received(records: readonly NewRecord[], accepted: number, faults: readonly Fault[]): Received {
  return { records, sizeBytes: sizeOfAll(records), accepted, faults }
}

/** Where a message came from. */
export interface Origin {
  /** Of its records in the event log. */
  readonly key: string
  readonly topic: string
}

/** The message as it came, with every fault in it: one record, so that a bad message takes no more room than it has. */
export function rejection(origin: Origin, payload: Uint8Array, receivedMs: number, faults: readonly Fault[]): NewRecord {
  const [first] = faults
  return {
    topic: REJECTED_TOPIC,
    key: origin.key,
    value: payload,
    headers: {
      [REJECTION_HEADERS.reason]: first?.reason ?? '',
      [REJECTION_HEADERS.pointer]: first?.pointer ?? '',
      [REJECTION_HEADERS.faults]: JSON.stringify(faults.map(withoutDetail)),
      [REJECTION_HEADERS.attempts]: '1',
      [REJECTION_HEADERS.receivedMs]: String(receivedMs),
      [REJECTION_HEADERS.topic]: origin.topic,
      [REJECTION_HEADERS.stage]: 'ingest',
      [REJECTION_HEADERS.message]: first?.detail ?? '',
    },
  }
}

/** Thousands of faults with their details would be larger than the message; by then it is plain what is wrong. */
const DETAILS_MAX = 100
const withoutDetail = (fault: Fault, index: number): Fault => (index < DETAILS_MAX ? fault : { ...fault, detail: '' })

/** As `JSON.stringify` would, but for -0, which that turns into 0. */
function encodeReadings(readings: readonly Reading[]): Uint8Array {
  const texts = readings.map(({ values, ...rest }) => {
    const pairs = Object.entries(values).map(([metric, value]) => `"${metric}":${Object.is(value, -0) ? '-0' : value}`)
    return `${JSON.stringify(rest).slice(0, -1)},"values":{${pairs.join(',')}}}`
  })
  return Buffer.from(`{"readings":[${texts.join(',')}]}`)
}
