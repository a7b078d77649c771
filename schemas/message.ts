import type { FromSchema } from 'json-schema-to-ts'
import { METRIC_PATTERN, SENSOR_PATTERN } from './names.ts'
import { QUALITIES } from './reading.ts'

/** The native payload is at most this large, before and after inflating. */
export const MESSAGE_BYTES_MAX = 1_048_576
export const READINGS_MAX = 5_000
export const VALUES_MAX = 256
/** The native payload is 5 deep: object, array, object, object, number. */
export const DEPTH_MAX = 8
/** Different keys in one message: more names of metrics than a tenant may have, and few enough to parse 1 MiB of them in 30 ms. */
export const NAMES_MAX = 4_096

/** One reading of the native payload: the values of a sensor's metrics at one time. */
export const readingSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['sensor', 'values'],
  properties: {
    sensor: { type: 'string', pattern: SENSOR_PATTERN },
    ts: { type: 'integer', description: 'Epoch milliseconds, UTC. Left out, it is the time of receipt.' },
    quality: { type: 'string', enum: QUALITIES },
    seq: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'A number that the sensor counts up.' },
    values: {
      type: 'object',
      minProperties: 1,
      maxProperties: VALUES_MAX,
      propertyNames: { type: 'string', pattern: METRIC_PATTERN },
      additionalProperties: { type: 'number' },
    },
  },
} as const

/** The native payload of `v1/{tenant}/{gateway}/readings`. */
export const messageSchema = {
  $id: 'https://millrace.dev/schemas/message.json',
  type: 'object',
  additionalProperties: false,
  required: ['readings'],
  properties: { readings: { type: 'array', minItems: 1, maxItems: READINGS_MAX, items: readingSchema } },
} as const

/** The message without its readings: what must hold before each reading is looked at on its own. */
export const messageShellSchema = {
  $id: 'https://millrace.dev/schemas/message-shell.json',
  type: 'object',
  additionalProperties: false,
  required: ['readings'],
  properties: { readings: { type: 'array', minItems: 1, maxItems: READINGS_MAX, items: {} } },
} as const

export type Reading = FromSchema<typeof readingSchema>
export type Message = FromSchema<typeof messageSchema>
export type MessageShell = FromSchema<typeof messageShellSchema>
