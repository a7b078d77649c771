/**
 * Why something was refused: a closed list, the same in the event log, the API, the metrics and the docs.
 * The code is the contract; the sentence tells the gateway's author what to do.
 */
export const REASONS = {
  'topic.invalid':
    'A message of the bridge whose topic names no tenant and gateway by the grammar of names. No tenant sees it, only the operator.',
  'tenant.unknown':
    'A message of the bridge whose topic names a tenant that is not known here. Add it with `millrace tenants add`; what came before is seen by no tenant, only by the operator.',
  'gateway.revoked':
    'The gateway was revoked. Enrol it anew with `millrace gateways enrol`, or take away its access to the broker from which the bridge takes messages.',
  'payload.empty': 'The payload is empty. Publish a JSON object with "readings".',
  'payload.too-large': 'The payload is larger than 1 MiB once inflated. Send fewer readings a message.',
  'payload.gzip-invalid': 'The payload starts like gzip but can not be inflated.',
  'payload.not-utf8': 'The payload is not valid UTF-8 (RFC 3629).',
  'payload.not-json': 'The payload is not JSON (RFC 8259). NaN and Infinity are not JSON.',
  'payload.too-deep': 'The payload is nested deeper than 8 levels.',
  'payload.too-many-names':
    'The payload names more than 4,096 different keys. Name a metric for what is measured; the sensor and the time have their own fields.',
  'payload.duplicate-key': 'An object names a key twice, so one of its values would be lost.',
  'message.schema': 'The message does not have the shape {"readings":[...]}.',
  'message.too-many-readings': 'The message holds more than 5,000 readings. Send several messages.',
  'message.no-readings': 'The message holds no readings.',
  'reading.schema': 'The reading does not have the shape {"sensor","ts","values"}.',
  'reading.sensor-name': 'The name of the sensor breaks the grammar of names.',
  'reading.metric-name': 'The name of a metric breaks the grammar of names.',
  'reading.no-values': 'The reading holds no values.',
  'reading.value': 'A value is not a finite number.',
  'reading.time': 'The time is not a whole number of epoch milliseconds.',
  'time.in-seconds': 'The time looks like seconds. Send epoch milliseconds.',
  'time.clock-not-set': 'The time lies before 2001: the clock of the device is not set.',
  'time.too-old': 'The time lies before the start of the retention.',
  'time.too-far-ahead':
    'The time lies more than 10 minutes ahead: the clock of the device is fast, or the unit is not milliseconds.',
  'store.sensor-limit': 'The tenant has as many sensors as it may have. Ask for more, or check the names that the gateway makes.',
  'store.metric-limit': 'The tenant has as many metrics as it may have. Ask for more, or check the names that the gateway makes.',
  'store.refused': 'The time-series store refused the point.',
  'record.unreadable': 'The record of the event log can not be read: its version is unknown or its bytes are damaged.',
} as const

export type Reason = keyof typeof REASONS

export function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text)
}

/** Where on the data's way it was refused. */
export const STAGES = ['ingest', 'store'] as const
export type Stage = (typeof STAGES)[number]

/** One thing that is wrong with a message. */
export interface Fault {
  readonly reason: Reason
  /** JSON pointer (RFC 6901) into the message; empty for the whole of it. */
  readonly pointer: string
  readonly detail: string
}

/**
 * Headers of a record on `rejected.v1`; its value is the message's original bytes, its key `tenant/gateway`, or nobody's (`schemas/topics.ts`).
 * A message with several bad readings is one record; `millrace.faults` lists every fault, the plain headers the first.
 * The `__connect` names are Kafka Connect's, so that existing tools read them.
 */
export const REJECTION_HEADERS = {
  reason: 'millrace.reason',
  pointer: 'millrace.pointer',
  faults: 'millrace.faults',
  attempts: 'millrace.attempts',
  receivedMs: 'millrace.received-ms',
  topic: '__connect.errors.topic',
  partition: '__connect.errors.partition',
  offset: '__connect.errors.offset',
  stage: '__connect.errors.stage',
  message: '__connect.errors.exception.message',
} as const

/** An array of `Fault`, as the header `millrace.faults` holds it. */
export const faultsSchema = {
  $id: 'https://millrace.dev/schemas/faults.json',
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['reason', 'pointer', 'detail'],
    properties: {
      reason: { type: 'string', enum: Object.keys(REASONS) },
      pointer: { type: 'string' },
      detail: { type: 'string' },
    },
  },
} as const
