import { createHash, randomBytes } from 'node:crypto'
import type { Token } from '../../platform/ports/metadata.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { isTokenScope, TOKEN_PREFIX, TOKEN_SCOPES, type TokenScope } from '../../schemas/tokens.ts'
import { demandTenant } from './gateways.ts'
import { defineOperation, unknown } from './operation.ts'
import {
  DAY_MS,
  LABEL_CHARACTERS_MAX,
  PRINTABLE_PATTERN,
  TOKEN_LIFE_DAYS_DEFAULT,
  TOKEN_LIFE_DAYS_MAX,
  TOKEN_LIFE_MS_MIN,
  tenantParameter,
  timeResult,
  toTime,
} from './parameters.ts'

const SECRET_BYTES = 32
const ID_BYTES = 8
const STATES = ['active', 'expired', 'revoked'] as const

const tokenResult = {
  type: 'object',
  required: ['id', 'tenant', 'scopes', 'label', 'state', 'createdAt', 'expiresAt'],
  properties: {
    id: { type: 'string' },
    tenant: { type: 'string' },
    scopes: { type: 'array', items: { type: 'string' } },
    label: { type: 'string' },
    state: { type: 'string', enum: STATES },
    createdAt: timeResult,
    expiresAt: timeResult,
    revokedAt: timeResult,
  },
} as const

/** The result holds the secret, this once: only its hash is stored. */
export const createToken = defineOperation({
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['tenant', 'scopes'],
    properties: {
      tenant: tenantParameter,
      scopes: {
        type: 'array',
        minItems: 1,
        uniqueItems: true,
        items: { type: 'string', enum: Object.keys(TOKEN_SCOPES) },
        description: `one or more of ${Object.keys(TOKEN_SCOPES).join(', ')}, each once`,
      },
      label: {
        type: 'string',
        maxLength: LABEL_CHARACTERS_MAX,
        pattern: PRINTABLE_PATTERN,
        description: `text of 1 to ${LABEL_CHARACTERS_MAX} characters, without control characters`,
      },
      expiresInMs: {
        type: 'integer',
        minimum: TOKEN_LIFE_MS_MIN,
        maximum: TOKEN_LIFE_DAYS_MAX * DAY_MS,
        description: 'a time from a minute to ten years',
      },
    },
  },
  result: { type: 'object', required: ['token', 'secret'], properties: { token: tokenResult, secret: { type: 'string' } } },
  async run(ports, { tenant, scopes, label = '', expiresInMs = TOKEN_LIFE_DAYS_DEFAULT * DAY_MS }) {
    await demandTenant(ports, tenant)
    const createdMs = ports.clock()
    const id = randomBytes(ID_BYTES).toString('hex')
    const token = { id, tenant, scopes: scopes.map(toScope), label, createdMs, expiresMs: createdMs + expiresInMs }
    const secret = `${TOKEN_PREFIX}${randomBytes(SECRET_BYTES).toString('base64url')}`
    await ports.metadata.addToken(token, hashToken(secret))
    return { token: show(token, createdMs), secret }
  },
})

/** Tokens of one tenant, or of all. */
export const listTokens = defineOperation({
  parameters: { type: 'object', additionalProperties: false, required: [], properties: { tenant: tenantParameter } },
  result: { type: 'object', required: ['tokens'], properties: { tokens: { type: 'array', items: tokenResult } } },
  async run(ports, { tenant }) {
    const { metadata, clock } = ports
    const tenants = tenant === undefined ? await metadata.tenants() : [await demandTenant(ports, tenant)]
    const tokens: Token[] = []
    for (const { id } of tenants) tokens.push(...(await metadata.tokens(proveTenant(id))))
    return { tokens: tokens.map((token) => show(token, clock())) }
  },
})

export const revokeToken = defineOperation({
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['id'],
    properties: {
      id: {
        type: 'string',
        pattern: '^[A-Za-z0-9_-]{1,64}$',
        description: 'an id of millrace tokens list, not the token itself',
      },
    },
  },
  result: { type: 'object', required: ['id', 'revokedAt'], properties: { id: { type: 'string' }, revokedAt: timeResult } },
  async run({ metadata, clock }, { id }) {
    const revokedMs = clock()
    // A token itself in place of its id would end up in shell histories and here; it is refused without being repeated.
    if (id.startsWith(TOKEN_PREFIX))
      throw unknown('token.unknown', 'token with this id', 'Give the id of millrace tokens list, not the token itself.')
    await metadata.revokeToken(id, revokedMs)
    return { id, revokedAt: toTime(revokedMs) }
  },
})

/** SHA-256 of the whole token, prefix and all, lower-case hex. The token is random, so it needs no salt and no slow hash. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex')

function toScope(text: string): TokenScope {
  if (isTokenScope(text)) return text
  throw new MillraceError('usage.invalid', `There is no scope ${text}.`)
}

function show({ id, tenant, scopes, label, createdMs, expiresMs, revokedMs }: Token, nowMs: number) {
  const state = revokedMs !== undefined && revokedMs <= nowMs ? STATES[2] : expiresMs <= nowMs ? STATES[1] : STATES[0]
  const times = { createdAt: toTime(createdMs), expiresAt: toTime(expiresMs) }
  return {
    id,
    tenant,
    scopes: [...scopes],
    label,
    state,
    ...times,
    ...(revokedMs === undefined ? {} : { revokedAt: toTime(revokedMs) }),
  }
}
