import { MillraceError } from '../../platform/runtime/errors.ts'

/** A place's clock. */
export interface TimeZone {
  /** What to add to UTC to get local time at `atMs`, in milliseconds. */
  offsetMs(atMs: number): number
}

/** Offsets of all zones in use change on a quarter of an hour. */
const QUARTER_MS = 15 * 60_000
const CACHED_QUARTERS_MAX = 10_000

/**
 * @param name  IANA name, e.g. `Europe/Amsterdam`.
 * @throws {MillraceError} `usage.invalid` when this Node doesn't know the zone.
 */
export function createTimeZone(name: string): TimeZone {
  const format = openFormat(name)
  const cache = new Map<number, number>()
  return {
    offsetMs(atMs) {
      const quarter = Math.floor(atMs / QUARTER_MS)
      const known = cache.get(quarter)
      if (known !== undefined) return known
      if (cache.size >= CACHED_QUARTERS_MAX) cache.clear()
      const offset = parseOffset(format.format(quarter * QUARTER_MS))
      cache.set(quarter, offset)
      return offset
    },
  }
}

function openFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone, timeZoneName: 'longOffset' })
  } catch (cause) {
    throw new MillraceError('usage.invalid', `The time zone ${timeZone} is unknown. Use a name like Europe/Amsterdam.`, { cause })
  }
}

/** Reads the end of `24/11/2025, GMT+01:00`; plain `GMT` is 0. */
function parseOffset(text: string): number {
  const [, sign, hours, minutes] = /GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(text) ?? []
  if (sign === undefined) return 0
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}
