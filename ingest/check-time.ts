import type { Fault, Reason } from '../schemas/rejection.ts'

export interface TimeWindow {
  /** Older readings are refused: they would be deleted at once. */
  readonly retentionMs: number
  /** How far a device's clock may be ahead of ours. */
  readonly aheadMs: number
}

/** 2001-01-01T00:00:00Z. No sensor of ours measured before; a clock that counts from 1970 has not been set. */
const CLOCK_SET_MS = Date.UTC(2001, 0, 1)

export interface TimeFault {
  readonly reason: Reason
  readonly detail: string
}

/**
 * Whether a reading's time can be right. The magnitude is used to explain a refusal, never to correct the time.
 *
 * @param ts     Epoch milliseconds as sent.
 * @param nowMs  Time of receipt.
 * @returns undefined when it can.
 */
export function checkTime(ts: number, nowMs: number, { retentionMs, aheadMs }: TimeWindow): TimeFault | undefined {
  const isPlausible = (ms: number): boolean => ms >= Math.max(nowMs - retentionMs, CLOCK_SET_MS) && ms <= nowMs + aheadMs
  if (isPlausible(ts)) return undefined
  if (ts < CLOCK_SET_MS) {
    if (isPlausible(ts * 1000)) return { reason: 'time.in-seconds', detail: `${ts} as seconds is ${toIso(ts * 1000)}` }
    return { reason: 'time.clock-not-set', detail: `${ts} is ${toIso(ts)}` }
  }
  if (ts > nowMs) {
    const unit = isPlausible(ts / 1e3) ? ', which fits microseconds' : isPlausible(ts / 1e6) ? ', which fits nanoseconds' : ''
    return { reason: 'time.too-far-ahead', detail: `${ts} is ${toIso(ts)}${unit}; received at ${toIso(nowMs)}` }
  }
  return { reason: 'time.too-old', detail: `${toIso(ts)} lies before ${toIso(nowMs - retentionMs)}` }
}

/** A pointer makes it a fault of a message. */
export const timeFault = ({ reason, detail }: TimeFault, index: number): Fault => ({
  reason,
  detail,
  pointer: `/readings/${index}/ts`,
})

/** Dates end at 8.64e15 ms (ECMA-262, 21.4.1.1). */
function toIso(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : 'no date'
}
