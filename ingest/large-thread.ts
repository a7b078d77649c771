// Checks large messages: the objects of 1 MiB of JSON keep the garbage collector busy for some 50 ms, and here no socket waits for it.
import { parentPort } from 'node:worker_threads'
import { answer } from '../platform/runtime/thread.ts'
import type { GatewayName } from '../schemas/topics.ts'
import type { TimeWindow } from './check-time.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { receive } from './receive.ts'

/** What the thread can be asked. */
export type LargeCalls = {
  readonly receive: (from: GatewayName, payload: Uint8Array, receivedMs: number, window: TimeWindow) => Outcome
}

export const calls: LargeCalls = {
  receive: (from, payload, receivedMs, window) => outcomeOf(receive(from, payload, receivedMs, window)),
}

if (parentPort && import.meta.main) answer(parentPort, calls, 'event-log.unavailable')
