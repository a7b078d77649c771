import type { TenantScope } from '../platform/ports/tenant-scope.ts'
import type { RangeQuery, SeriesRow, TimeSeriesReader } from '../platform/ports/time-series.ts'
import { rowKey } from '../schemas/api/readings.ts'
import { exactNumber } from './exact-number.ts'
import { formatInstant } from './parse-instant.ts'

/** A page ends here even when it has fewer rows than were asked for: a row may hold hundreds of values. */
export const PAGE_CHARACTERS_MAX = 4_194_304
/** Values asked of the store at once, so that neither taking them over from its thread nor writing them holds the event loop. */
const VALUES_PER_SLICE = 10_000
const ROWS_PER_SLICE_MIN = 50
const ROWS_PER_SLICE_MAX = 5_000
/** What a row is taken to hold before the first one has been seen. */
const VALUES_PER_ROW_GUESS = 32

export interface ReadingsPage {
  /** Each row as JSON text. */
  readonly rows: readonly string[]
  /** Where the next page begins, epoch milliseconds; undefined when nothing follows. */
  readonly nextFromMs: number | undefined
}

/**
 * Reads one page of a range, in slices.
 *
 * @throws {MillraceError} `time-series.unavailable`: nothing of the page is sent then, because half a page would look like a whole one.
 */
export async function readReadings(
  { series, scope }: { readonly series: TimeSeriesReader; readonly scope: TenantScope },
  query: RangeQuery,
  signal: AbortSignal,
): Promise<ReadingsPage> {
  const rows: string[] = []
  let characters = 0
  let fromMs = query.fromMs
  let valuesPerRow = query.metrics.length === 0 ? VALUES_PER_ROW_GUESS : query.metrics.length

  while (fromMs < query.toMs) {
    const limit = Math.min(query.limit + 1 - rows.length, sliceRows(valuesPerRow))
    const slice = await series.range(scope, { ...query, fromMs, limit }, signal)
    for (const row of slice) {
      if (rows.length === query.limit || characters >= PAGE_CHARACTERS_MAX) return { rows, nextFromMs: row.timestampMs }
      const text = JSON.stringify(toRow(row))
      rows.push(text)
      characters += text.length
      valuesPerRow = Math.max(valuesPerRow, row.values.size)
    }
    const last = slice.at(-1)
    if (last === undefined || slice.length < limit) break
    fromMs = last.timestampMs + 1
  }
  return { rows, nextFromMs: undefined }
}

/** A row of the page: `{"ts":"…","power_w":1234.5}`, with what is out of the ordinary behind the values. */
export function toRow({ timestampMs, timeSource, sequence, values, qualities }: SeriesRow): object {
  const row: Record<string, unknown> = { ts: formatInstant(timestampMs) }
  for (const [metric, value] of values) row[rowKey(metric)] = exactNumber(value)
  if (qualities !== undefined && qualities.size > 0) row.quality = Object.fromEntries(qualities)
  if (sequence !== undefined) row.seq = sequence
  if (timeSource !== 'device') row.timeSource = timeSource
  return row
}

function sliceRows(valuesPerRow: number): number {
  return Math.min(ROWS_PER_SLICE_MAX, Math.max(ROWS_PER_SLICE_MIN, Math.floor(VALUES_PER_SLICE / valuesPerRow)))
}
