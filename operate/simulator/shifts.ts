import { isHoliday } from './holidays.ts'
import type { TimeZone } from './time-zone.ts'

/** Early and late shift on weekdays; with a night shift; or round the clock on every day that is no holiday. */
export const SHIFT_PATTERNS = ['two-shift', 'three-shift', 'continuous'] as const
export type ShiftPattern = (typeof SHIFT_PATTERNS)[number]

/** `off`: nobody is there. `break`: machines stay on and wait. */
export type Activity = 'off' | 'break' | 'work'

export interface ShiftCalendar {
  at(atMs: number): Activity
  isOn(atMs: number): boolean
}

const DAY_MS = 86_400_000
const DAY_MINUTES = 1_440
const SHIFT_MINUTES = 480
/** 06:00, 14:00 and 22:00 on the factory's clock. */
const SHIFT_STARTS = [360, 840, 1_320] as const
/** Minutes into a shift: a quarter of an hour, and half an hour. */
const BREAKS = [
  { from: 150, to: 165 },
  { from: 285, to: 315 },
] as const
/** 1 January 1970 was a Thursday. */
const EPOCH_WEEKDAY = 4

/**
 * When a line works, on the wall clock of its time zone: the early shift begins at 06:00 local time on both sides of a change of clocks,
 * and the night shift in between lasts 7 or 9 hours. The night shift over midnight belongs to the day on which it began.
 */
export function createShiftCalendar(timeZone: TimeZone, pattern: ShiftPattern): ShiftCalendar {
  const shifts = pattern === 'two-shift' ? SHIFT_STARTS.slice(0, 2) : SHIFT_STARTS

  function at(atMs: number): Activity {
    const localMs = atMs + timeZone.offsetMs(atMs)
    const today = Math.floor(localMs / DAY_MS)
    const minute = Math.floor((localMs - today * DAY_MS) / 60_000)
    for (const start of shifts) {
      // Minutes since the shift began, today or, for one over midnight, yesterday.
      const sinceToday = minute - start
      const day = sinceToday >= 0 ? today : today - 1
      const since = sinceToday >= 0 ? sinceToday : sinceToday + DAY_MINUTES
      if (since < SHIFT_MINUTES && isWorkday(day, pattern)) return isBreak(since) ? 'break' : 'work'
    }
    return 'off'
  }

  return { at, isOn: (atMs) => at(atMs) !== 'off' }
}

function isBreak(since: number): boolean {
  return BREAKS.some(({ from, to }) => since >= from && since < to)
}

function isWorkday(day: number, pattern: ShiftPattern): boolean {
  const weekday = (((day + EPOCH_WEEKDAY) % 7) + 7) % 7
  const isWeekend = weekday === 0 || weekday === 6
  return (pattern === 'continuous' || !isWeekend) && !isHoliday(day)
}

/** 1 between 07:30 and 18:00 on workdays, 0 at night, with half an hour of coming and going. */
export function officePresence(timeZone: TimeZone, atMs: number): number {
  const localMs = atMs + timeZone.offsetMs(atMs)
  const day = Math.floor(localMs / DAY_MS)
  if (!isWorkday(day, 'two-shift')) return 0
  const hour = (localMs - day * DAY_MS) / 3_600_000
  return Math.max(0, Math.min(1, (hour - 7.25) * 2, (18.25 - hour) * 2))
}
