import type { InfluxClient, Precision } from './client.ts'
import { asUnavailable, isRefusal } from './unavailable.ts'

export interface Line {
  readonly text: string
  /** Of the point in its batch; -1 for a line of our own. */
  readonly index: number
  /** How many values it holds. */
  readonly values: number
}

export interface RefusedLine extends Line {
  /** In the server's words. */
  readonly detail: string
}

export interface Destination {
  readonly bucket: string
  readonly precision: Precision
}

/**
 * Writes lines and returns those that the server will never take. It names them only in prose, if at all, so the request is
 * halved until they stand alone; what is sent again on the way is harmless, because writes are idempotent.
 *
 * @throws {MillraceError} `time-series.unavailable` - some of the lines may be stored.
 */
export async function sendLines(
  client: Pick<InfluxClient, 'write'>,
  lines: readonly Line[],
  to: Destination,
): Promise<readonly RefusedLine[]> {
  try {
    await client.write(lines.map(({ text }) => text).join('\n'), to)
    return []
  } catch (error) {
    if (!isRefusal(error)) throw asUnavailable(error)
    if (lines.length === 1 || areAllDropped(error.message, lines.length))
      return lines.map((line) => ({ ...line, detail: error.message }))
  }
  const middle = lines.length >> 1
  const left = await sendLines(client, lines.slice(0, middle), to)
  return [...left, ...(await sendLines(client, lines.slice(middle), to))]
}

/** Thousands of points past the retention are one answer, not thousands of requests. */
function areAllDropped(message: string, count: number): boolean {
  return Number(/\bdropped=(\d+)/.exec(message)?.[1]) === count
}
