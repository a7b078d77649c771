import type { InfluxClient, Precision } from './client.ts'
import type { Line, Lines } from './lines.ts'
import { asUnavailable, isRefusal } from './unavailable.ts'

export interface RefusedLine extends Line {
  /** In the server's words. */
  readonly detail: string
}

export interface Destination {
  readonly bucket: string
  readonly precision: Precision
  /** Waited for before each request; what it throws is thrown on. */
  readonly mayLeave?: (() => Promise<void>) | undefined
}

interface Range {
  readonly from: number
  /** Not included. */
  readonly to: number
}

/**
 * Writes lines and returns those that the server will never take. It names them only in prose, if at all, so the request is
 * halved until they stand alone; what is sent again on the way is harmless, because writes are idempotent.
 *
 * @throws {MillraceError} `time-series.unavailable` - some of the lines may be stored.
 */
async function sendLines(
  client: Pick<InfluxClient, 'write'>,
  lines: Lines,
  destination: Destination,
  { from, to }: Range,
): Promise<readonly RefusedLine[]> {
  await destination.mayLeave?.()
  try {
    await client.write(lines.part(from, to), destination)
    return []
  } catch (error) {
    if (!isRefusal(error)) throw asUnavailable(error)
    if (to - from === 1 || areAllDropped(error.message, to - from)) return allOf(lines, { from, to }, error.message)
  }
  const middle = (from + to) >> 1
  const left = await sendLines(client, lines, destination, { from, to: middle })
  return [...left, ...(await sendLines(client, lines, destination, { from: middle, to }))]
}

function allOf(lines: Lines, { from, to }: Range, detail: string): readonly RefusedLine[] {
  return Array.from({ length: to - from }, (_, position) => ({ ...lines.at(from + position), detail }))
}

/** Thousands of points past the retention are one answer, not thousands of requests. */
function areAllDropped(message: string, count: number): boolean {
  return Number(/\bdropped=(\d+)/.exec(message)?.[1]) === count
}

/** One request after the other, each of at most `linesMax`. */
export async function sendInRequests(
  client: Pick<InfluxClient, 'write'>,
  lines: Lines,
  destination: Destination,
  { linesMax, signal }: { readonly linesMax: number; readonly signal?: AbortSignal },
): Promise<readonly RefusedLine[]> {
  const refused: RefusedLine[] = []
  for (let from = 0; from < lines.count; from += linesMax) {
    signal?.throwIfAborted()
    refused.push(...(await sendLines(client, lines, destination, { from, to: Math.min(lines.count, from + linesMax) })))
  }
  return refused
}
