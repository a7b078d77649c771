import { REASONS, STAGES } from '../rejection.ts'
import {
  cursorParameter,
  gatewayParameter,
  instantParameter,
  instantSchema,
  limitParameter,
  nextSchema,
  type PageLimit,
} from './parameters.ts'

/** Time, partition, offset and fault: what finds the entry again, and its message in the event log. */
export const REJECTION_ID_PATTERN = '^[0-9]{1,15}-[0-9]{1,6}-[0-9]{1,15}-[0-9]{1,6}$'

export const rejectionParams = {
  type: 'object',
  additionalProperties: false,
  required: ['id'],
  properties: { id: { type: 'string', pattern: REJECTION_ID_PATTERN, description: 'The `id` of an entry of `/v1/rejected`.' } },
} as const

const entryProperties = {
  id: { type: 'string', pattern: REJECTION_ID_PATTERN },
  time: { ...instantSchema, description: 'When it was refused.' },
  gateway: { ...gatewayParameter, description: 'The gateway that sent it.' },
  stage: { type: 'string', enum: STAGES, description: 'Where on its way it was refused.' },
  reason: { type: 'string', description: 'From a closed list.', examples: Object.keys(REASONS) },
  sentence: { type: 'string', description: 'The reason in words, and what to do.' },
  pointer: { type: 'string', description: 'JSON pointer (RFC 6901) into the message; empty for the whole of it.' },
  detail: { type: 'string', description: 'What was found there.' },
} as const

const entryRequired = ['id', 'time', 'gateway', 'stage', 'reason', 'sentence', 'pointer', 'detail'] as const

export const rejectedQuery = (limit: PageLimit) =>
  ({
    type: 'object',
    additionalProperties: false,
    properties: {
      from: instantParameter('The start, included; left out, the beginning.'),
      to: instantParameter('The end, not included; left out, now.'),
      gateway: gatewayParameter,
      reason: { type: 'string', enum: Object.keys(REASONS), description: 'Only entries with this reason.' },
      limit: limitParameter(limit),
      cursor: cursorParameter,
    },
  }) as const

export const rejectedPage = {
  type: 'object',
  additionalProperties: false,
  required: ['rejected', 'next'],
  properties: {
    rejected: {
      type: 'array',
      description: 'Newest first.',
      items: { type: 'object', additionalProperties: false, required: entryRequired, properties: entryProperties },
    },
    next: nextSchema,
  },
} as const

export const rejectionAnswer = {
  type: 'object',
  additionalProperties: false,
  required: [...entryRequired, 'original'],
  properties: {
    ...entryProperties,
    original: {
      type: 'object',
      description: 'The message as the gateway sent it.',
      additionalProperties: false,
      required: ['isHeld'],
      properties: {
        isHeld: { type: 'boolean', description: 'Whether the event log still holds it.' },
        note: { type: 'string', description: 'Why it is not there. Only when it is not held.' },
        sizeBytes: { type: 'integer', minimum: 0 },
        base64: { type: 'string', description: 'Its bytes, unchanged.' },
        text: { type: ['string', 'null'], description: 'Its bytes as text; null when they are not valid UTF-8.' },
      },
    },
  },
} as const
