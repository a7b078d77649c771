import { createQueue, type Queue } from '../platform/runtime/queue.ts'
import { logKey } from '../schemas/topics.ts'
import type { TimeWindow } from './check-time.ts'
import { isLarge } from './decode-payload.ts'
import type { Publisher } from './gateway-policy.ts'
import type { LargeChecker } from './large-checker.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { receive } from './receive.ts'
import { createTurnBudget } from './turn-budget.ts'

export interface Job {
  readonly from: Publisher
  readonly payload: Uint8Array
  readonly receivedMs: number
  readonly decided: (outcome: Outcome) => void
  readonly dropped: (error: Error) => void
}

export interface MessageChecks {
  /** Decides what becomes of a message. What one gateway sent is decided in the order in which it came. */
  check(job: Job): void
  /** There may be room again. */
  resume(): void
}

export interface MessageChecksOptions {
  readonly window: TimeWindow
  readonly large: LargeChecker
  /** Asked before each message; false lets them wait until `resume`. */
  readonly hasRoom: () => boolean
}

/** Checking messages here may hold the event loop for this long at a stretch, and for the last one of them: a few more. The limit for everything is 50 ms. */
const CHECK_BUDGET_MS = 5
/** JSON from here on is checked on another thread. Below it takes 3 ms at most, and on the other thread as much again for the way. */
export const LARGE_BYTES = 65_536

/** Small messages are checked at once, large ones elsewhere; those of the same gateway that come meanwhile wait in its lane. */
export function createMessageChecks({ window, large, hasRoom }: MessageChecksOptions): MessageChecks {
  const budget = createTurnBudget({ budgetMs: CHECK_BUDGET_MS, hasRoom })
  const lanes = new Map<string, Queue<Job>>()

  function take(job: Job): void {
    const key = logKey(job.from)
    const lane = lanes.get(key)
    if (lane !== undefined) lane.push(job)
    else if (!isLarge(job.payload, LARGE_BYTES)) decide(job)
    else {
      const opened = createQueue<Job>()
      lanes.set(key, opened)
      sendAway(job).then(() => proceed(key, opened))
    }
  }

  /** The lane is kept until it is empty, so that nobody passes those who wait in it. */
  function proceed(key: string, lane: Queue<Job>): void {
    const job = lane.take()
    if (job === undefined) lanes.delete(key)
    else if (isLarge(job.payload, LARGE_BYTES)) sendAway(job).then(() => proceed(key, lane))
    else
      budget.run(() => {
        decide(job)
        proceed(key, lane)
      })
  }

  function decide({ from, payload, receivedMs, decided, dropped }: Job): void {
    if (!from.isEnded) decided(outcomeOf(receive(from, payload, receivedMs, window)))
    else dropped(new Error('session-ended'))
  }

  async function sendAway({ from, payload, receivedMs, decided, dropped }: Job): Promise<void> {
    try {
      const outcome = from.isEnded ? undefined : await large.receive(from, payload, receivedMs)
      if (outcome !== undefined && !from.isEnded) decided(outcome)
      else dropped(new Error('session-ended'))
    } catch (error) {
      dropped(error instanceof Error ? error : new Error(String(error)))
    }
  }

  return { check: (job) => budget.run(() => take(job)), resume: budget.resume }
}
