import { type LogRecord, type PollLimit, type Position, sizeOf } from '../../ports/event-log.ts'
import { createQueue, type Queue } from '../../runtime/queue.ts'

interface Partition {
  readonly topic: string
  readonly partition: number
  readonly records: Queue<LogRecord>
  bytes: number
}

export interface Taken {
  readonly records: readonly LogRecord[]
  /** Behind the last record of each partition. */
  readonly positions: readonly Position[]
}

export interface RecordBuffer {
  /** @returns true when the partition holds enough: fetch no more of it until `onRoom`. */
  add(topic: string, partition: number, records: readonly LogRecord[]): boolean
  take(limit: PollLimit): Taken
  clear(): void
}

/** What is fetched ahead of one partition, bytes. One fetch may pass it. */
const PARTITION_BYTES_MAX = 4 * 1_048_576

/** Between Kafka, which pushes, and `poll`, which pulls: what has been fetched and not yet been returned, by partition. */
export function createRecordBuffer(onRoom: (topic: string, partition: number) => void): RecordBuffer {
  const partitions = new Map<string, Partition>()
  let first = 0

  function takeFrom(source: Partition, limit: PollLimit, into: LogRecord[], bytes: number): number {
    let taken = bytes
    const wasFull = source.bytes > PARTITION_BYTES_MAX
    for (let next = source.records.first(); next !== undefined; next = source.records.first()) {
      const size = sizeOf(next)
      if (into.length === limit.recordsMax || (into.length > 0 && taken + size > limit.bytesMax)) break
      source.records.take()
      source.bytes -= size
      taken += size
      into.push(next)
    }
    if (wasFull && source.bytes <= PARTITION_BYTES_MAX) onRoom(source.topic, source.partition)
    return taken
  }

  return {
    add(topic, partition, records) {
      const key = `${topic}/${partition}`
      const target = partitions.get(key) ?? { topic, partition, records: createQueue<LogRecord>(), bytes: 0 }
      partitions.set(key, target)
      for (const record of records) {
        target.records.push(record)
        target.bytes += sizeOf(record)
      }
      return target.bytes > PARTITION_BYTES_MAX
    },
    take(limit) {
      const records: LogRecord[] = []
      const positions: Position[] = []
      const all = [...partitions.values()]
      let bytes = 0
      // Begins with another partition each time, so that a busy one doesn't starve the others.
      first = all.length === 0 ? 0 : (first + 1) % all.length
      for (let turn = 0; turn < all.length; turn++) {
        const source = all[(first + turn) % all.length]
        const before = records.length
        if (source !== undefined) bytes = takeFrom(source, limit, records, bytes)
        const last = records.at(-1)
        if (source !== undefined && last !== undefined && records.length > before)
          positions.push({ topic: source.topic, partition: source.partition, offset: last.offset + 1 })
      }
      return { records, positions }
    },
    clear() {
      partitions.clear()
    },
  }
}
