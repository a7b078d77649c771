import type { FastifyReply, FastifyRequest } from 'fastify'
import { MillraceError } from '../platform/runtime/errors.ts'
import type { TokenScope } from '../schemas/tokens.ts'
import { accepts } from './accept.ts'
import { type Authenticator, requireScope } from './authenticate.ts'
import type { QueryApiMetrics } from './metrics.ts'
import type { RateLimits } from './rate-limit.ts'

/** Who may read a route: whoever has a token with this scope, everyone, or everyone as often as they like (probes of health). */
export type Access = TokenScope | 'public' | 'public-unlimited'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route must say this; the start fails for one that doesn't. */
    readonly access?: Access
    /** The one format that the route answers in; it answers in any to those who ask for another where this is left out. */
    readonly answersIn?: string
  }
}

export interface GuardOptions {
  readonly authenticator: Authenticator
  readonly limits: RateLimits
  readonly metrics: QueryApiMetrics
}

export type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/**
 * Runs before anything else looks at a request: proves who asks, counts it, and refuses what can't be answered.
 *
 * Guessing costs the guesser: a request without a valid token counts against its address, and an address that has used up its share is
 * refused before the store is asked. Who shares the address (an office behind one router) and has a valid token is still let through.
 */
export function createGuard({ authenticator, limits, metrics }: GuardOptions): Guard {
  async function proveCaller(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (!authenticator.looksValid(request)) await limits.checkAddress(request, reply)
    try {
      await authenticator.authenticate(request)
    } catch (error) {
      if (error instanceof MillraceError && error.remedy === 'reject') {
        metrics.refused('token')
        await limits.countAddress(request, reply)
      }
      throw error
    }
  }

  return async (request, reply) => {
    const { access, answersIn } = request.routeOptions.config
    if (access === 'public' || access === undefined) await limits.countAddress(request, reply)
    else if (access !== 'public-unlimited') {
      await proveCaller(request, reply)
      await limits.countToken(request, reply)
      requireScope(request, access)
    }
    if (answersIn !== undefined && !accepts(request.headers.accept, answersIn)) {
      throw new MillraceError('answer.unacceptable', `The answer is ${answersIn}, which the Accept header does not take.`)
    }
  }
}
