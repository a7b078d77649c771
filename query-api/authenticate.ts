import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Token, TokenStore } from '../platform/ports/metadata.ts'
import { proveTenant, type TenantScope } from '../platform/ports/tenant-scope.ts'
import { MillraceError } from '../platform/runtime/errors.ts'
import { TOKEN_PATTERN, type TokenScope } from '../schemas/tokens.ts'
import { createTokenCache } from './token-cache.ts'

/** RFC 6750, section 2.1; the scheme's name has no case. */
const BEARER = /^bearer +([^ ]+) *$/i
const tokenGrammar = new RegExp(TOKEN_PATTERN)

interface Caller {
  readonly token: Token
  readonly scope: TenantScope
}

const callers = new WeakMap<object, Caller>()

/** The tenant whose data this request may read. Throws, as a bug, where authentication has not run. */
export const scopeOf = (request: FastifyRequest): TenantScope => callerOf(request).scope

export const tokenIdOf = (request: FastifyRequest): string => callerOf(request).token.id

/** @throws {MillraceError} `token.scope-missing`. */
export function requireScope(request: FastifyRequest, needed: TokenScope): void {
  const { scopes } = callerOf(request).token
  if (scopes.includes(needed)) return
  throw new MillraceError(
    'token.scope-missing',
    `This needs a token with the scope "${needed}"; yours has "${scopes.join(' ')}".`,
    {
      details: { scope: needed },
    },
  )
}

export interface Authenticator {
  /** Whether the request carries a token that was valid when the store was last asked. Asks nobody. */
  looksValid(request: FastifyRequest): boolean
  /**
   * Proves who asks: from now on `scopeOf(request)` gives the tenant.
   *
   * @throws {MillraceError} `token.missing`, `token.refused` (unknown, expired, revoked), `metadata.unavailable`.
   */
  authenticate(request: FastifyRequest): Promise<void>
}

/** The one place of the query API where a tenant is proven. Tokens are looked up by the SHA-256 of their whole text and kept nowhere. */
export function createAuthenticator(store: Pick<TokenStore, 'tokenByHash'>, clock: () => number): Authenticator {
  const cache = createTokenCache(store, clock)

  return {
    looksValid(request) {
      const secret = secretOf(request)
      const token = secret === undefined ? undefined : cache.recall(hashOf(secret))
      return token !== undefined && faultOf(token, clock()) === undefined
    },

    async authenticate(request) {
      const secret = secretOf(request)
      if (secret === undefined) throw new MillraceError('token.missing', 'The request has no `Authorization: Bearer` header.')
      const token = tokenGrammar.test(secret) ? await cache.find(hashOf(secret)) : undefined
      const fault = faultOf(token, clock())
      if (token === undefined || fault !== undefined) {
        throw new MillraceError('token.refused', `The token ${fault}. Ask an operator for a new one.`)
      }
      callers.set(request, { token, scope: proveTenant(token.tenant) })
    },
  }
}

function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request)
  if (caller === undefined) throw new TypeError('The route reads a tenant but lets anyone in.')
  return caller
}

function secretOf({ headers }: FastifyRequest): string | undefined {
  return BEARER.exec(headers.authorization ?? '')?.[1]
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

function faultOf(token: Token | undefined, nowMs: number): string | undefined {
  if (token === undefined) return 'is unknown'
  if (token.revokedMs !== undefined && token.revokedMs <= nowMs) return 'was revoked'
  return token.expiresMs <= nowMs ? 'has expired' : undefined
}
