import type { Logger } from '../platform/runtime/log.ts'
import { createQueue } from '../platform/runtime/queue.ts'
import { startThread, type Thread } from '../platform/runtime/thread.ts'
import type { GatewayName } from '../schemas/topics.ts'
import type { TimeWindow } from './check-time.ts'
import type { LargeCalls } from './large-thread.ts'
import type { Outcome } from './outcome.ts'

export interface LargeChecker {
  /** As `receive`, elsewhere. @throws {MillraceError} `event-log.unavailable` when the thread ended: don't acknowledge. */
  receive(from: GatewayName, payload: Uint8Array, receivedMs: number): Promise<Outcome>
  stop(): Promise<void>
}

/** One is being checked, one is on its way. What they become may be several times their size, so no more. */
const AT_ONCE = 2
/** The worst message that we could make takes a tenth of it. */
const HEAP_MAX_MIB = 256
const YOUNG_MAX_MIB = 24
const THREAD = new URL('./large-thread.ts', import.meta.url)

/** Checks large messages on a thread that is started for the first of them; most installations never have one. */
export function createLargeChecker(window: TimeWindow, log: Logger, module = THREAD): LargeChecker {
  const waiting = createQueue<() => void>()
  let underWay = 0
  let thread: Thread<LargeCalls> | undefined

  function opened(): Thread<LargeCalls> {
    thread ??= startThread<LargeCalls>({
      module,
      data: {},
      unavailable: 'event-log.unavailable',
      heapMaxMiB: HEAP_MAX_MIB,
      youngMaxMiB: YOUNG_MAX_MIB,
      onDeath(error) {
        // The messages that it had are not acknowledged, and come again; the next one starts another thread.
        thread = undefined
        log.error({ err: error }, 'The thread that checks large messages ended by itself. It is started again.')
      },
    })
    return thread
  }

  async function turn(): Promise<void> {
    if (underWay >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
    else underWay++
  }

  /** A place that is given on is never free in between. */
  function giveOn(): void {
    const next = waiting.take()
    if (next === undefined) underWay--
    else next()
  }

  return {
    async receive({ tenant, gateway }, payload, receivedMs) {
      await turn()
      try {
        // A copy of its own: what it shares memory with must stay here.
        const own = new Uint8Array(payload)
        return await opened().callWith([own.buffer], 'receive', { tenant, gateway }, own, receivedMs, window)
      } finally {
        giveOn()
      }
    },
    async stop() {
      await thread?.terminate()
    },
  }
}
