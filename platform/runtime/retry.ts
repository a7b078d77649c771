import { setTimeout } from 'node:timers/promises'
import { MillraceError } from './errors.ts'

export interface RetryPolicy {
  /** Upper end of the first wait, milliseconds; it doubles with each attempt. */
  readonly firstWaitMs: number
  readonly waitMaxMs: number
  /** `Infinity` where giving up would lose data. */
  readonly attemptsMax: number
  /** Told before each wait. */
  readonly onFailure: (error: MillraceError, attempt: number) => void
}

/** A server that asks for more than this is asked again all the same. */
const ASKED_MS_MAX = 60_000

/**
 * Runs `operation` until it succeeds, backing off exponentially with full jitter.
 * What the other side has asked us to wait (`details.retryAfterMs`) comes on top.
 * Only errors whose remedy is `retry` are repeated; any other error passes through at once.
 *
 * @param operation  Must be idempotent: it may run up to `policy.attemptsMax` times.
 * @param signal     Ends the wait early, e.g. on shutdown.
 * @returns the first successful result.
 * @throws {MillraceError} the last error, unchanged, once the attempts are used up.
 * @throws {Error} named `AbortError`, when `signal` fires between two attempts.
 */
export async function retry<T>(operation: () => Promise<T>, policy: RetryPolicy, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation()
    } catch (error) {
      if (!(error instanceof MillraceError) || error.remedy !== 'retry' || attempt >= policy.attemptsMax) throw error
      policy.onFailure(error, attempt)
      const ceilingMs = Math.min(policy.waitMaxMs, policy.firstWaitMs * 2 ** (attempt - 1))
      const askedMs = Math.min(Number(error.details.retryAfterMs ?? 0), ASKED_MS_MAX)
      await setTimeout(askedMs + Math.random() * ceilingMs, undefined, { signal })
    }
  }
}
