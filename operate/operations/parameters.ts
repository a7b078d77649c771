import { GATEWAY_PATTERN, GATEWAY_RULE, TENANT_PATTERN, TENANT_RULE } from '../../schemas/names.ts'

/** Certificates of gateways live for a year, and never more than ten. */
export const VALID_DAYS_DEFAULT = 365
export const VALID_DAYS_MAX = 3_650
export const TOKEN_LIFE_DAYS_DEFAULT = 90
/** Ten years, leap days included. */
export const TOKEN_LIFE_DAYS_MAX = 3_653
export const TOKEN_LIFE_MS_MIN = 60_000
export const OVERLAP_DAYS_MAX = 90
export const NAME_CHARACTERS_MAX = 200
export const LABEL_CHARACTERS_MAX = 100
export const REQUEST_CHARACTERS_MAX = 16_384
export const PAGE_MAX = 1_000
export const DAY_MS = 86_400_000

/** No control characters: names and labels are shown on terminals. */
export const PRINTABLE_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]+$'

export const tenantParameter = { type: 'string', pattern: TENANT_PATTERN, description: TENANT_RULE } as const
export const gatewayParameter = { type: 'string', pattern: GATEWAY_PATTERN, description: GATEWAY_RULE } as const
export const validDaysParameter = {
  type: 'integer',
  minimum: 1,
  maximum: VALID_DAYS_MAX,
  description: `a whole number of days, from 1 to ${VALID_DAYS_MAX}`,
} as const
export const requestParameter = {
  type: 'string',
  minLength: 1,
  maxLength: REQUEST_CHARACTERS_MAX,
  description: `a certificate request (PKCS #10) in PEM, at most ${REQUEST_CHARACTERS_MAX} characters`,
} as const
/** RFC 3339, UTC. */
export const timeResult = { type: 'string' } as const

export const toTime = (timeMs: number): string => new Date(timeMs).toISOString()
