import { HttpError } from '@influxdata/influxdb-client'
import { MillraceError } from '../../runtime/errors.ts'
import { adviseOnTls } from '../../runtime/tls-advice.ts'

const ADVICE: Readonly<Record<number, string>> = {
  401: 'The token is not known there. Run millrace doctor --fix, or put the right one in its file.',
  403: 'The token may not do this. Run millrace doctor --fix, or put the right one in its file.',
  404: 'The organization or the bucket is not there. Run millrace doctor --fix.',
}

/** In a table of cells, the file and the address of the cell. */
const TLS_PLACES = { server: 'InfluxDB', roots: 'MILLRACE_INFLUX_CA_FILE', address: 'MILLRACE_INFLUX_URL' }

/** The one place where an error of the client becomes ours: nothing may be taken as stored, and the same can be tried again. */
export function asUnavailable(cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const status = statusOf(cause)
  const advice = status === undefined ? adviseOnTls(cause, TLS_PLACES) : ADVICE[status]
  const answer = status === undefined ? 'InfluxDB does not answer' : `InfluxDB answers ${status}`
  return new MillraceError('time-series.unavailable', `${answer}: ${reason}${advice === undefined ? '' : ` ${advice}`}`, {
    cause,
    ...(waitAskedFor(cause) > 0 && { details: { retryAfterMs: waitAskedFor(cause) } }),
  })
}

export const statusOf = (error: unknown): number | undefined => (error instanceof HttpError ? error.statusCode : undefined)

/** Milliseconds that the server asks us to wait for (Retry-After, RFC 9110 section 10.2.3); 0 when it doesn't. The client says that its number is milliseconds; it is the seconds of the header. */
const waitAskedFor = (error: unknown): number => (error instanceof HttpError ? 1_000 * error.retryAfter() : 0)

/**
 * Some lines were refused for good; older servers say so with 500. The others are stored after a 422, and not after a 400.
 * A request that was too large (413) is cut in two just the same.
 */
export function isRefusal(error: unknown): error is HttpError {
  if (!(error instanceof HttpError)) return false
  if ([400, 413, 422].includes(error.statusCode)) return true
  return error.statusCode === 500 && /partial write/.test(error.message)
}

/** What InfluxDB says when its disk is full. Afterwards it may answer 204 and keep points in memory alone, until it is restarted. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof HttpError && /no space left on device|disk quota exceeded/i.test(error.message)
