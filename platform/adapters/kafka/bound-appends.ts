import { type NewRecord, sizeOfAll } from '../../ports/event-log.ts'
import { MillraceError } from '../../runtime/errors.ts'

export interface AppendBound {
  readonly recordsMax: number
  readonly bytesMax: number
}

type Append = (records: readonly NewRecord[]) => Promise<void>

export interface BoundAppends {
  readonly append: Append
  /** Appended and not settled yet. */
  waitingRecords(): number
}

/** Refuses what would make more wait than that. An append alone is let through whatever its size. */
export function boundAppends(append: Append, { recordsMax, bytesMax }: AppendBound): BoundAppends {
  let waitingRecords = 0
  let waitingBytes = 0

  async function bounded(records: readonly NewRecord[]): Promise<void> {
    const bytes = sizeOfAll(records)
    const isFull = waitingRecords + records.length > recordsMax || waitingBytes + bytes > bytesMax
    if (waitingRecords > 0 && isFull) {
      const message = `${waitingRecords} records of ${waitingBytes} bytes wait for Kafka, which does not keep up.`
      throw new MillraceError('event-log.unavailable', message)
    }
    waitingRecords += records.length
    waitingBytes += bytes
    try {
      await append(records)
    } finally {
      waitingRecords -= records.length
      waitingBytes -= bytes
    }
  }

  return { append: bounded, waitingRecords: () => waitingRecords }
}
