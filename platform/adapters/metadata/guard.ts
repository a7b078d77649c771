import { MillraceError } from '../../runtime/errors.ts'
import type { Within } from './within.ts'

/** Calls that may wait for the store at once; past it the store counts as away, so that callers back off instead of piling up. */
const CALLS_MAX = 10_000

export type Guard = <T>(work: () => Promise<T>) => Promise<T>

/** What stands between a store's questions and the database. */
export interface Fences {
  readonly guard: Guard
  readonly within: Within
}

/** Makes the one place where a database's errors become ours: `metadata.unavailable`, with the cause. */
export function createGuard(): Guard {
  let calls = 0

  return async (work) => {
    if (calls >= CALLS_MAX) {
      throw new MillraceError(
        'metadata.unavailable',
        `More than ${CALLS_MAX} calls wait for the metadata store. Try again later.`,
      )
    }
    calls += 1
    try {
      return await work()
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new MillraceError('metadata.unavailable', `The metadata store does not answer: ${reason}`, { cause })
    } finally {
      calls -= 1
    }
  }
}
