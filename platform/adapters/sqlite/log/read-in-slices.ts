import { type LogRecord, type PollLimit, type Position, sizeOfAll } from '../../../ports/event-log.ts'
import type { ReadRecords } from './log-consumer.ts'

/** Taking over this much from another thread holds a thread that serves sockets for a few milliseconds. */
const SLICE_RECORDS_MAX = 1_000
const SLICE_BYTES_MAX = 1_048_576

/** The same reads, a slice at a time, so that what lies between two of them gets its turn. */
export function readInSlices(read: ReadRecords): (from: Position, limit: PollLimit) => Promise<readonly LogRecord[]> {
  return async (from, { recordsMax, bytesMax }) => {
    const records: LogRecord[] = []
    let bytes = 0
    let offset = from.offset
    while (records.length < recordsMax && (bytes < bytesMax || records.length === 0)) {
      const limit = {
        recordsMax: Math.min(SLICE_RECORDS_MAX, recordsMax - records.length),
        bytesMax: Math.min(SLICE_BYTES_MAX, bytesMax - bytes),
      }
      const slice = await read({ ...from, offset }, limit)
      const last = slice.at(-1)
      // A read gives one record whatever its size; behind others, it must fit.
      const size = sizeOfAll(slice)
      if (last === undefined || (records.length > 0 && bytes + size > bytesMax)) break
      for (const record of slice) records.push(record)
      bytes += size
      offset = last.offset + 1
      if (limit.recordsMax === recordsMax && limit.bytesMax === bytesMax) break
    }
    return records
  }
}
