import { setTimeout } from 'node:timers/promises'
import type { Ownership } from '../platform/ports/event-log.ts'
import { MillraceError } from '../platform/runtime/errors.ts'

/** What is worked on, for as long as it is ours. */
export interface Held {
  /**
   * To be waited for right before anything of it is stored. As long as it can't be known whose it is, it waits: that is found out soon, and so not
   * waited for ever longer, as a store is that is away.
   *
   * @throws {MillraceError} `event-log.not-owner`. @throws {Error} named `AbortError`, when the processor is told to stop.
   */
  untilOwner(): Promise<void>
}

const AGAIN_AFTER_MS = 100

/** @param onWait  Told once each time that there is something to wait for. */
export function hold({ assertOwner }: Ownership, signal: AbortSignal, onWait: (reason: MillraceError) => void): Held {
  return {
    async untilOwner() {
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
    },
  }
}
