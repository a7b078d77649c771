import { asBuffer } from '../../../../schemas/as-buffer.ts'
import type { LogRecord, NewRecord } from '../../../ports/event-log.ts'

/**
 * Records that were committed together, as one run of bytes: one row a group commit and partition, not one row a record,
 * which makes the log several times cheaper to write (as in Kafka). Each record, integers big-endian:
 *
 * ```
 * u16 length of the key, u32 length of the headers, u32 length of the value, key (UTF-8), headers (JSON, or none), value
 * ```
 */
const HEADER_BYTES = 10
/** Names the length field that must be able to hold it. */
export const KEY_BYTES_MAX = 0xffff

export interface EncodedBatch {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly count: number
}

export function encodeBatch(records: readonly NewRecord[]): EncodedBatch {
  const headers = records.map((record) => (record.headers === undefined ? '' : JSON.stringify(record.headers)))
  let size = 0
  for (const [index, record] of records.entries()) {
    size += HEADER_BYTES + Buffer.byteLength(record.key) + Buffer.byteLength(headers[index] ?? '') + record.value.length
  }

  // Not from Buffer's pool: the memory is handed to another thread.
  const bytes = Buffer.from(new ArrayBuffer(size))
  let position = 0
  for (const [index, record] of records.entries()) {
    const start = position
    position += HEADER_BYTES
    const keyLength = bytes.write(record.key, position)
    position += keyLength
    const headersLength = bytes.write(headers[index] ?? '', position)
    position += headersLength
    bytes.set(record.value, position)
    position += record.value.length
    bytes.writeUInt16BE(keyLength, start)
    bytes.writeUInt32BE(headersLength, start + 2)
    bytes.writeUInt32BE(record.value.length, start + 6)
  }
  return { bytes, count: records.length }
}

/** Where a stored batch lies. */
export interface BatchPlace {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly timestampMs: number
}

/** Calls `visit` for the records from `fromOffset` on, until it returns false. Values share memory with `stored`. */
export function decodeBatch(
  stored: Uint8Array,
  { topic, partition, baseOffset, timestampMs }: BatchPlace,
  fromOffset: number,
  visit: (record: LogRecord) => boolean,
): void {
  const bytes = asBuffer(stored)
  let offset = baseOffset
  for (let position = 0; position < bytes.length; offset++) {
    const keyStart = position + HEADER_BYTES
    const headersStart = keyStart + bytes.readUInt16BE(position)
    const valueStart = headersStart + bytes.readUInt32BE(position + 2)
    const end = valueStart + bytes.readUInt32BE(position + 6)
    position = end
    if (offset < fromOffset) continue
    const record: LogRecord = {
      topic,
      partition,
      offset,
      timestampMs,
      key: bytes.toString('utf8', keyStart, headersStart),
      value: bytes.subarray(valueStart, end),
      ...(valueStart > headersStart && { headers: JSON.parse(bytes.toString('utf8', headersStart, valueStart)) }),
    }
    if (!visit(record)) return
  }
}

/**
 * Moves the values of some records out of their batches, into one buffer that holds nothing else: what is sent to another thread is
 * copied with all the memory that it lies in.
 */
export function packValues(records: readonly LogRecord[]): readonly LogRecord[] {
  const size = records.reduce((sum, { value }) => sum + value.length, 0)
  const packed = new Uint8Array(size)
  let position = 0
  return records.map((record) => {
    const value = packed.subarray(position, position + record.value.length)
    value.set(record.value)
    position += value.length
    return { ...record, value }
  })
}
