import { MillraceError } from '../platform/runtime/errors.ts'

/** The end of the year 9999: later instants have no RFC 3339. */
const INSTANT_MS_MAX = 253_402_300_799_999
const SECONDS_LIKE_MIN = 1_000_000_000
const SECONDS_LIKE_MAX = 9_999_999_999

const EPOCH_MS = /^\d{1,15}$/
/** RFC 3339. A space before the offset is a `+` that was not percent-encoded: nothing else could stand there. */
const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([-+ ])(\d\d):(\d\d))$/

/**
 * An instant as a question names it: RFC 3339 with an offset, or epoch milliseconds.
 * What is finer than a millisecond is rounded up, so that a half-open range still takes exactly the readings it names.
 *
 * @returns epoch milliseconds.
 * @throws {MillraceError} `query.invalid`, naming `parameter`.
 */
export function parseInstant(parameter: string, text: string): number {
  const instantMs = EPOCH_MS.test(text) ? fromEpoch(parameter, text) : fromRfc3339(text)
  if (instantMs !== undefined && instantMs >= 0 && instantMs <= INSTANT_MS_MAX) return instantMs
  throw invalid(
    parameter,
    'It is not an instant: write 2025-11-24T16:00:00Z, 2025-11-24T17:00:00%2B01:00, or epoch milliseconds.',
  )
}

/** An instant as answers write it. */
export const formatInstant = (instantMs: number): string => new Date(instantMs).toISOString()

/** An instant that may not have come. */
export const formatMaybeInstant = (instantMs: number | undefined): string | null =>
  instantMs === undefined ? null : formatInstant(instantMs)

function fromEpoch(parameter: string, text: string): number {
  const instantMs = Number(text)
  if (instantMs >= SECONDS_LIKE_MIN && instantMs <= SECONDS_LIKE_MAX) {
    throw invalid(parameter, `It looks like seconds. Write milliseconds: ${text}000.`)
  }
  return instantMs
}

function fromRfc3339(text: string): number | undefined {
  const match = RFC_3339.exec(text)
  if (match === null) return undefined
  const part = (index: number): number => Number(match[index] ?? 0)
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  const local = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  // Date.UTC carries the 30th of February over to March; an instant that does not come back as it was written does not exist.
  const isReal = local.getUTCMonth() === month - 1 && local.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
  if (!isReal || year < 1970 || part(9) > 23 || part(10) > 59) return undefined
  const offsetMinutes = (part(9) * 60 + part(10)) * (match[8] === '-' ? -1 : 1)
  const fractionMs = Math.ceil(Number((match[7] ?? '').padEnd(9, '0')) / 1_000_000)
  return local.getTime() + fractionMs - offsetMinutes * 60_000
}

function invalid(parameter: string, detail: string): MillraceError {
  return new MillraceError('query.invalid', `${parameter}: ${detail}`, { details: { [parameter]: detail } })
}
