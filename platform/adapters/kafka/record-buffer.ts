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
  /** So many partitions share the room from now on. */
  share(partitions: number): void
  /** @returns true when the partition holds enough: fetch no more of it until `onRoom`. */
  add(topic: string, partition: number, records: readonly LogRecord[]): boolean
  take(limit: PollLimit): Taken
  clear(): void
}

/** What is fetched ahead of all partitions, bytes. One fetch of each may pass it. */
const BYTES_MAX = 16 * 1_048_576
/** A partition has this much room however many there are. */
const PARTITION_BYTES_MIN = 262_144
const PARTITION_BYTES_MAX = 2 * 1_048_576
/** What a record takes beside its value, so that many small ones count as well. */
const RECORD_BYTES = 256

const costOf = (record: LogRecord): number => sizeOf(record) + RECORD_BYTES

/** Between Kafka, which pushes, and `poll`, which pulls: what has been fetched and not yet been returned, by partition. */
export function createRecordBuffer(onRoom: (topic: string, partition: number) => void): RecordBuffer {
  const partitions = new Map<string, Partition>()
  let first = 0
  let roomBytes = PARTITION_BYTES_MAX

  function takeFrom(source: Partition, limit: PollLimit, into: LogRecord[], bytes: number): number {
    let taken = bytes
    const wasFull = source.bytes > roomBytes
    for (let next = source.records.first(); next !== undefined; next = source.records.first()) {
      const size = sizeOf(next)
      if (into.length === limit.recordsMax || (into.length > 0 && taken + size > limit.bytesMax)) break
      source.records.take()
      source.bytes -= costOf(next)
      taken += size
      into.push(next)
    }
    if (wasFull && source.bytes <= roomBytes) onRoom(source.topic, source.partition)
    return taken
  }

  return {
    share(count) {
      roomBytes = Math.min(PARTITION_BYTES_MAX, Math.max(PARTITION_BYTES_MIN, Math.floor(BYTES_MAX / Math.max(1, count))))
    },
    add(topic, partition, records) {
      const key = `${topic}/${partition}`
      const target = partitions.get(key) ?? { topic, partition, records: createQueue<LogRecord>(), bytes: 0 }
      partitions.set(key, target)
      for (const record of records) {
        target.records.push(record)
        target.bytes += costOf(record)
      }
      return target.bytes > roomBytes
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
