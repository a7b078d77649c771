import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

/**
 * kafkajs looks every millisecond, on every connection and for ever, whether requests wait: it asks for a timer of some minus
 * 1,700,000,000,000 ms, of which Node 24 also warns (tulios/kafkajs#1751). Only where requests do wait is there anything to look for; a
 * request that comes later looks by itself.
 */
export function quietTimers(): void {
  const { prototype }: { prototype: RequestQueue } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue')
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this)
  }
}
