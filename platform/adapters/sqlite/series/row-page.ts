import { QUALITIES, type Quality } from '../../../../schemas/reading.ts'
import type { SeriesRow } from '../../../ports/time-series.ts'
import { decodeHeader, decodeValue, VALUE_BYTES, valuesStart, viewOf } from './row-data.ts'

/** Rows on their way between two threads: one piece of memory, which is copied in no time, instead of thousands of objects. */
export interface RowPage {
  /** For each row: epoch milliseconds (float64 LE), size of its data (uint32 LE), data as in row-data.ts. */
  readonly bytes: Uint8Array
  readonly metricNames: ReadonlyMap<number, string>
  /** There may be more rows from this time on; undefined when the query has been answered to its end. */
  readonly resumeMs: number | undefined
}

const HEADER_BYTES = 12
const FIRST_BYTES = 65_536

/** Builds the bytes of a page. */
export function createPageBuilder() {
  let bytes = new Uint8Array(FIRST_BYTES)
  let view = viewOf(bytes)
  let used = 0

  function reserve(sizeBytes: number): void {
    if (used + sizeBytes <= bytes.length) return
    const larger = new Uint8Array(Math.max(bytes.length * 2, used + sizeBytes))
    larger.set(bytes.subarray(0, used))
    bytes = larger
    view = viewOf(bytes)
  }

  return {
    /** @param isWanted  By id of the metric. @returns whether the row has a wanted value; if not, it is left out. */
    add(timestampMs: number, data: Uint8Array, isWanted: (metric: number) => boolean): boolean {
      reserve(HEADER_BYTES + data.length)
      const start = valuesStart(viewOf(data))
      const target = used + HEADER_BYTES
      let at = target + start
      for (let from = start; from < data.length; from += VALUE_BYTES) {
        if (!isWanted((data[from] ?? 0) | ((data[from + 1] ?? 0) << 8))) continue
        bytes.set(data.subarray(from, from + VALUE_BYTES), at)
        at += VALUE_BYTES
      }
      if (at === target + start) return false
      bytes.set(data.subarray(0, start), target)
      view.setFloat64(used, timestampMs, true)
      view.setUint32(used + 8, at - target, true)
      used = at
      return true
    },
    sizeBytes: (): number => used,
    /** @returns a copy of its own size, because a thread sends all of the memory behind a view. */
    take: (): Uint8Array => bytes.slice(0, used),
  }
}

/** Appends the rows of a page to `rows`. */
export function unpackRows({ bytes, metricNames }: RowPage, rows: SeriesRow[]): void {
  const page = viewOf(bytes)
  for (let at = 0; at < bytes.length; ) {
    const timestampMs = page.getFloat64(at, true)
    const end = at + HEADER_BYTES + page.getUint32(at + 8, true)
    const row = viewOf(bytes.subarray(at + HEADER_BYTES, end))
    rows.push({ timestampMs, ...decodeHeader(row), ...unpackValues(row, metricNames) })
    at = end
  }
}

function unpackValues(row: DataView, metricNames: ReadonlyMap<number, string>): Pick<SeriesRow, 'values' | 'qualities'> {
  const values = new Map<string, number>()
  const qualities = new Map<string, Quality>()
  for (let at = valuesStart(row); at < row.byteLength; at += VALUE_BYTES) {
    const { metric, quality, value } = decodeValue(row, at)
    const name = metricNames.get(metric) ?? ''
    values.set(name, value)
    if (quality > 0) qualities.set(name, QUALITIES[quality] ?? 'good')
  }
  return qualities.size > 0 ? { values, qualities } : { values }
}
