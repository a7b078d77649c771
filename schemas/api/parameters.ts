import { GATEWAY_PATTERN, GATEWAY_RULE, METRIC_PATTERN, METRIC_RULE, SENSOR_PATTERN, SENSOR_RULE } from '../names.ts'

/** Metrics that can be asked for at once. */
export const METRICS_ASKED_MAX = 64
/** A cursor is a handful of numbers or a name, in base64url. */
export const CURSOR_CHARACTERS_MAX = 512

/** An instant in an answer: RFC 3339, UTC, to the millisecond. */
export const instantSchema = {
  type: 'string',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
  description: 'RFC 3339, UTC, to the millisecond.',
  examples: ['2025-11-24T16:00:00.000Z'],
} as const

/** An instant in an answer that may not have come yet. */
export const maybeInstantSchema = { ...instantSchema, type: ['string', 'null'] } as const

export const sensorParameter = {
  type: 'string',
  pattern: SENSOR_PATTERN,
  description: SENSOR_RULE,
  examples: ['press-1'],
} as const

export const gatewayParameter = {
  type: 'string',
  pattern: GATEWAY_PATTERN,
  description: GATEWAY_RULE,
  examples: ['gw-1'],
} as const

export const metricsParameter = {
  type: 'array',
  maxItems: METRICS_ASKED_MAX,
  uniqueItems: true,
  default: [],
  description: 'Repeat it for several metrics; left out, it means all of them.',
  items: { type: 'string', pattern: METRIC_PATTERN, description: METRIC_RULE, examples: ['power_w'] },
} as const

/** Parsed by `query-api/parse-instant.ts`, because no pattern knows how many days February has. */
export const instantParameter = (meaning: string) =>
  ({
    type: 'string',
    minLength: 1,
    maxLength: 40,
    description: `${meaning} RFC 3339 with an offset, or epoch milliseconds.`,
    examples: ['2025-11-24T16:00:00Z'],
  }) as const

export const cursorParameter = {
  type: 'string',
  maxLength: CURSOR_CHARACTERS_MAX,
  pattern: '^[A-Za-z0-9_-]+$',
  description: 'The `next` of the page before, together with the same other parameters.',
} as const

/** How many items a page may have: what is asked when nothing is said, and at most. */
export interface PageLimit {
  readonly byDefault: number
  readonly max: number
}

export const limitParameter = ({ byDefault, max }: PageLimit) =>
  ({
    type: 'integer',
    minimum: 1,
    maximum: max,
    default: byDefault,
    description: 'At most this many items; a page may have fewer and still have a next one.',
  }) as const

export const nextSchema = {
  type: ['string', 'null'],
  description: 'The `cursor` of the next page; null when this is the last one. The `Link` header holds its whole address.',
} as const
