import type { Consumer, LogRecord, Ownership, PollLimit } from '../platform/ports/event-log.ts'
import { MillraceError } from '../platform/runtime/errors.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { isNotOwner } from '../platform/runtime/ownership.ts'
import type { LoopName } from './metrics.ts'
import { type Held, hold } from './until-owner.ts'

export interface UpkeepRounds {
  /** Does a part of the upkeep when it is due. One that fails is left until the next round, and is not waited for as a batch is. */
  run(signal: AbortSignal): Promise<void>
  /** As the consumer's own `poll`. @returns an empty array also when upkeep is due. */
  poll(limit: PollLimit, signal: AbortSignal): Promise<readonly LogRecord[]>
}

/**
 * What a processor looks after besides its batches, a partition at a time, between two of them.
 *
 * @returns true when there is more to do, soon.
 */
export type Upkeep = (owned: Owned, signal: AbortSignal) => Promise<boolean>

export interface Owned extends Held, Pick<Ownership, 'places'> {}

export interface UpkeepOptions {
  readonly name: LoopName
  readonly consumer: Consumer
  readonly upkeep?: Upkeep
  /** From one round of it to the next; 10 s when left out. */
  readonly upkeepEveryMs?: number
  readonly log: Logger
}

const EVERY_MS = 10_000
/** From one part of a round to the next. */
const MORE_AFTER_MS = 1_000

export function createUpkeepRounds(options: UpkeepOptions): UpkeepRounds {
  const { name, consumer, upkeep, upkeepEveryMs = EVERY_MS, log } = options
  // Without upkeep nothing is in between.
  if (upkeep === undefined) return { run: async () => undefined, poll: (limit, signal) => consumer.poll(limit, signal) }
  const work = upkeep
  let dueMs = performance.now() + upkeepEveryMs

  async function part(signal: AbortSignal): Promise<boolean> {
    try {
      const ownership = consumer.ownership()
      return await work({ places: ownership.places, ...hold(ownership, signal, () => undefined) }, signal)
    } catch (error) {
      if (signal.aborted) return false
      if (!(error instanceof MillraceError) || error.remedy !== 'retry') throw error
      if (!isNotOwner(error))
        log.warn({ ...name, code: error.code, err: error }, 'What has been stored could not be looked at; it is tried again.')
      return false
    }
  }

  return {
    async run(signal) {
      if (signal.aborted || performance.now() < dueMs) return
      const isMore = await part(signal)
      dueMs = performance.now() + (isMore ? Math.min(MORE_AFTER_MS, upkeepEveryMs) : upkeepEveryMs)
    },
    async poll(limit, signal) {
      // Not `AbortSignal.any`: each would stay with `signal` until it is collected, and there are thirty a second.
      const ending = new AbortController()
      const end = (): void => ending.abort()
      const timer = setTimeout(end, Math.max(0, dueMs - performance.now()))
      signal.addEventListener('abort', end, { once: true })
      if (signal.aborted) end()
      try {
        return await consumer.poll(limit, ending.signal)
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
      }
    },
  }
}
