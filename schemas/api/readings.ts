import { METRIC_PATTERN } from '../names.ts'
import { QUALITIES, TIME_SOURCES } from '../reading.ts'
import {
  cursorParameter,
  instantParameter,
  instantSchema,
  limitParameter,
  metricsParameter,
  nextSchema,
  type PageLimit,
  sensorParameter,
} from './parameters.ts'

/**
 * The names that a row of a page has for itself; every other key is a metric.
 *
 * Three of them obey the grammar of metrics, and `quality` is a figure that factories do measure, so none is forbidden:
 * a metric with such a name is written with a prefix that no metric's name can have. Nothing is lost, nothing is ambiguous,
 * and every other row is as plain as `{"ts":"…","power_w":1234.5}`.
 */
export const ROW_NAMES = ['ts', 'quality', 'seq', 'timeSource'] as const
export const METRIC_PREFIX = 'metric:'

const rowNames: ReadonlySet<string> = new Set(ROW_NAMES)

/** The key of a metric in a row. */
export const rowKey = (metric: string): string => (rowNames.has(metric) ? `${METRIC_PREFIX}${metric}` : metric)

export const sensorParams = {
  type: 'object',
  additionalProperties: false,
  required: ['sensor'],
  properties: { sensor: sensorParameter },
} as const

export const readingsQuery = (limit: PageLimit) =>
  ({
    type: 'object',
    additionalProperties: false,
    properties: {
      metric: metricsParameter,
      from: instantParameter('The start, included; left out, 24 hours before `to`.'),
      to: instantParameter('The end, not included; left out, now.'),
      limit: limitParameter(limit),
      cursor: cursorParameter,
    },
  }) as const

export const readingsPage = {
  type: 'object',
  additionalProperties: false,
  required: ['sensor', 'readings', 'next'],
  properties: {
    sensor: sensorParameter,
    from: { ...instantSchema, description: 'The start of the range, included. Only when it was left out of the question.' },
    to: { ...instantSchema, description: 'The end of the range, not included. Only when it was left out of the question.' },
    readings: {
      type: 'array',
      description: 'Oldest first, one row for each time.',
      items: {
        type: 'object',
        required: ['ts'],
        minProperties: 2,
        properties: {
          ts: instantSchema,
          quality: {
            type: 'object',
            description: 'The quality of each metric whose quality is not good.',
            additionalProperties: { type: 'string', enum: QUALITIES },
          },
          seq: { type: 'integer', minimum: 0, description: 'The number that the sensor counted up, when it sent one.' },
          timeSource: { type: 'string', enum: TIME_SOURCES, description: 'Whose clock gave the time, when not the device.' },
        },
        propertyNames: { type: 'string', pattern: `${METRIC_PATTERN}|^timeSource$|^${METRIC_PREFIX}` },
        additionalProperties: {
          type: 'number',
          description: `The value of the metric, bit for bit. A metric named like a property of the row has "${METRIC_PREFIX}" in front.`,
        },
        examples: [{ ts: '2025-11-24T16:00:00.000Z', power_w: 1234.5, energy_wh: 998877 }],
      },
    },
    next: nextSchema,
  },
} as const
