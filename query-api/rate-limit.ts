import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MillraceError } from '../platform/runtime/errors.ts'
import { tokenIdOf } from './authenticate.ts'

const WINDOW_MS = 60_000
const WINDOW_SECONDS = WINDOW_MS / 1000
/** Addresses and tokens that are remembered; the one that was silent longest makes room. */
const KEYS_MAX = 10_000

export interface RateLimits {
  /** Counts a request of a proven token. @throws {MillraceError} `rate.exceeded`. */
  countToken(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** Counts a request that nobody has proven anything for. @throws {MillraceError} `rate.exceeded`. */
  countAddress(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** Refuses an address that has used up its share, without counting. @throws {MillraceError} `rate.exceeded`. */
  checkAddress(request: FastifyRequest, reply: FastifyReply): Promise<void>
}

export interface RateLimitOptions {
  readonly tokenPerMinute: number
  readonly addressPerMinute: number
}

/** The plugin counts; its own hook is off, because it sends header names that the IETF draft has left behind. */
export async function createRateLimits(
  app: FastifyInstance,
  { tokenPerMinute, addressPerMinute }: RateLimitOptions,
): Promise<RateLimits> {
  await app.register(fastifyRateLimit, { global: false, cache: KEYS_MAX })
  const byToken = app.createRateLimit({ max: tokenPerMinute, timeWindow: WINDOW_MS, keyGenerator: tokenIdOf })
  const byAddress = app.createRateLimit({ max: addressPerMinute, timeWindow: WINDOW_MS })

  async function apply(policy: string, reply: FastifyReply, quota: Awaited<ReturnType<typeof byToken>>): Promise<void> {
    if (quota.isAllowed) return
    const { max, remaining, ttlInSeconds, isExceeded } = quota
    // draft-ietf-httpapi-ratelimit-headers: q is the quota, w its window, r what remains, t the seconds until it is full again.
    reply.header('ratelimit-policy', `"${policy}";q=${max};w=${WINDOW_SECONDS}`)
    reply.header('ratelimit', `"${policy}";r=${remaining};t=${ttlInSeconds}`)
    if (!isExceeded) return
    throw new MillraceError('rate.exceeded', `More than ${max} requests a minute. Wait ${ttlInSeconds} s.`, {
      details: { retryAfterSeconds: ttlInSeconds },
    })
  }

  return {
    countToken: async (request, reply) => apply('token', reply, await byToken(request)),
    countAddress: async (request, reply) => apply('address', reply, await byAddress(request)),
    async checkAddress(request, reply) {
      const quota = await byAddress(request, { increment: false })
      if (!quota.isAllowed && quota.remaining === 0) await apply('address', reply, { ...quota, isExceeded: true })
    },
  }
}
