import { setTimeout } from 'node:timers/promises'
import type { Ownership } from '../platform/ports/event-log.ts'
import { MillraceError } from '../platform/runtime/errors.ts'

const AGAIN_AFTER_MS = 100

/**
 * Waits for as long as it can't be known whose the partitions are. That is found out by itself, and mostly soon: so it isn't waited for ever longer,
 * as a store is that is away.
 *
 * @param onWait  Told once, when there is something to wait for.
 * @throws {MillraceError} `event-log.not-owner`. @throws {Error} named `AbortError`, when `signal` fires.
 */
export async function untilOwner(
  { assertOwner }: Pick<Ownership, 'assertOwner'>,
  signal: AbortSignal,
  onWait: (reason: MillraceError) => void,
): Promise<void> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      assertOwner()
      return
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'event-log.unavailable') throw error
      if (isFirst) onWait(error)
    }
    await setTimeout(AGAIN_AFTER_MS, undefined, { signal })
  }
}
