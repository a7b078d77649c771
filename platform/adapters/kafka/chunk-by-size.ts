import { type NewRecord, sizeOf } from '../../ports/event-log.ts'

/** Cuts a list, in its order, into runs of at most so many bytes; a record that is larger is a run of its own. */
export function chunkBySize(records: readonly NewRecord[], bytesMax: number): readonly (readonly NewRecord[])[] {
  const chunks: NewRecord[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const record of records) {
    const size = sizeOf(record)
    bytes += size
    if (bytes <= bytesMax) chunks.at(-1)?.push(record)
    else {
      chunks.push([record])
      bytes = size
    }
  }
  return chunks
}
