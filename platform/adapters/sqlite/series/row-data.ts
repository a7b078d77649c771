import { QUALITIES, type Quality, TIME_SOURCES } from '../../../../schemas/reading.ts'
import type { Point } from '../../../ports/time-series.ts'

/**
 * The column `data`: what a sensor measured at one time.
 *
 * ```
 * byte 0      time source (position in TIME_SOURCES); bit 7 set when there is a sequence
 * bytes 1-8   time of receipt, epoch milliseconds, float64
 * bytes 9-16  sequence, float64; only with bit 7
 * then, for each value: metric id (uint16), quality (uint8, position in QUALITIES), value (float64)
 * ```
 * Everything little-endian. One column instead of six: SQLite spends less on a row than on its columns.
 */
export const VALUE_BYTES = 11
const HEADER_BYTES = 9
const SEQUENCE_BYTES = 8
const HAS_SEQUENCE = 0x80

/** Metric ids are 16 bits. */
export const METRIC_ID_MAX = 65_535

export interface RowValue {
  readonly metric: number
  /** Position in QUALITIES. */
  readonly quality: number
  readonly value: number
}

/** @returns how many bytes a point with this many values takes at most. */
export const rowBytesMax = (values: number): number => HEADER_BYTES + SEQUENCE_BYTES + values * VALUE_BYTES

/** Everything of a point but its values. @returns the offset behind it. */
export function encodeHeader(view: DataView, at: number, point: Point): number {
  const hasSequence = point.sequence !== undefined
  view.setUint8(at, TIME_SOURCES.indexOf(point.timeSource) | (hasSequence ? HAS_SEQUENCE : 0))
  view.setFloat64(at + 1, point.receivedMs, true)
  if (!hasSequence) return at + HEADER_BYTES
  view.setFloat64(at + HEADER_BYTES, point.sequence, true)
  return at + HEADER_BYTES + SEQUENCE_BYTES
}

/** @returns the offset behind it. */
export function encodeValue(view: DataView, at: number, { metric, quality, value }: RowValue): number {
  view.setUint16(at, metric, true)
  view.setUint8(at + 2, quality)
  view.setFloat64(at + 3, value, true)
  return at + VALUE_BYTES
}

/** A point that was decoded only as far as its values. */
export function encodeRow(point: Point, values: readonly RowValue[]): Uint8Array {
  const bytes = new Uint8Array(rowBytesMax(values.length))
  const view = viewOf(bytes)
  let at = encodeHeader(view, 0, point)
  for (const value of values) at = encodeValue(view, at, value)
  return bytes.subarray(0, at)
}

export const qualityCode = (quality: Quality | undefined): number => (quality === undefined ? 0 : QUALITIES.indexOf(quality))

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Where the values begin. */
export const valuesStart = (view: DataView): number => HEADER_BYTES + (view.getUint8(0) & HAS_SEQUENCE ? SEQUENCE_BYTES : 0)

export function decodeHeader(view: DataView) {
  const first = view.getUint8(0)
  return {
    receivedMs: view.getFloat64(1, true),
    timeSource: TIME_SOURCES[first & ~HAS_SEQUENCE] ?? 'receipt',
    ...(first & HAS_SEQUENCE ? { sequence: view.getFloat64(HEADER_BYTES, true) } : {}),
  }
}

export function decodeValue(view: DataView, at: number): RowValue {
  return { metric: view.getUint16(at, true), quality: view.getUint8(at + 2), value: view.getFloat64(at + 3, true) }
}

export function decodeValues(bytes: Uint8Array): RowValue[] {
  const view = viewOf(bytes)
  const values: RowValue[] = []
  for (let at = valuesStart(view); at < bytes.length; at += VALUE_BYTES) values.push(decodeValue(view, at))
  return values
}
