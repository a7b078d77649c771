import { METRIC_PATTERN } from '../names.ts'
import { QUALITIES } from '../reading.ts'
import {
  cursorParameter,
  gatewayParameter,
  instantSchema,
  limitParameter,
  maybeInstantSchema,
  metricsParameter,
  nextSchema,
  type PageLimit,
  sensorParameter,
} from './parameters.ts'

const latestValues = {
  type: 'object',
  description: 'The newest value of each metric.',
  propertyNames: { type: 'string', pattern: METRIC_PATTERN },
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    required: ['ts', 'value'],
    properties: {
      ts: instantSchema,
      value: { type: 'number' },
      quality: { type: 'string', enum: QUALITIES, description: 'Left out when it is good.' },
    },
  },
} as const

const lastSeen = { ...maybeInstantSchema, description: 'When a reading was last received; null when none was.' } as const

export const sensorAnswer = {
  type: 'object',
  additionalProperties: false,
  required: ['sensor', 'gateway', 'firstSeen', 'lastSeen', 'latest'],
  properties: {
    sensor: sensorParameter,
    gateway: { ...gatewayParameter, description: 'The gateway that last spoke for it.' },
    firstSeen: instantSchema,
    lastSeen,
    latest: latestValues,
  },
} as const

export const sensorsQuery = (limit: PageLimit) =>
  ({
    type: 'object',
    additionalProperties: false,
    properties: { gateway: gatewayParameter, limit: limitParameter(limit), cursor: cursorParameter },
  }) as const

export const sensorsPage = {
  type: 'object',
  additionalProperties: false,
  required: ['sensors', 'next'],
  properties: { sensors: { type: 'array', description: 'By name.', items: sensorAnswer }, next: nextSchema },
} as const

export const latestOfOneQuery = {
  type: 'object',
  additionalProperties: false,
  properties: { metric: metricsParameter },
} as const

export const latestOfOne = {
  type: 'object',
  additionalProperties: false,
  required: ['sensor', 'lastSeen', 'latest'],
  properties: { sensor: sensorParameter, lastSeen, latest: latestValues },
} as const

export const latestQuery = (limit: PageLimit) =>
  ({
    type: 'object',
    additionalProperties: false,
    properties: {
      sensor: {
        type: 'array',
        maxItems: limit.max,
        uniqueItems: true,
        default: [],
        description: 'Repeat it for several sensors; left out, it means all of them, in pages.',
        items: sensorParameter,
      },
      metric: metricsParameter,
      limit: limitParameter(limit),
      cursor: cursorParameter,
    },
  }) as const

export const latestPage = {
  type: 'object',
  additionalProperties: false,
  required: ['sensors', 'unknown', 'next'],
  properties: {
    sensors: { type: 'array', description: 'In the order of the question, or by name.', items: latestOfOne },
    unknown: { type: 'array', description: 'Sensors of the question that do not exist.', items: sensorParameter },
    next: nextSchema,
  },
} as const
