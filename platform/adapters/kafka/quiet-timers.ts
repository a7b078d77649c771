import { createRequire } from 'node:module'

interface RequestQueue {
  throttledUntil: number
  scheduleCheckPendingRequests(): void
}

/**
 * kafkajs asks for a timer of some minus 1,700,000,000,000 ms after each request, which Node 24 warns of (tulios/kafkajs#1751).
 * A time in the past means "now" to it: said so, nobody has to warn.
 */
export function quietTimers(): void {
  const { prototype }: { prototype: RequestQueue } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue')
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    this.throttledUntil = Math.max(this.throttledUntil, Date.now())
    schedule.call(this)
  }
}
