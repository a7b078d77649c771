import { type NewRecord, sizeOf } from '../../../ports/event-log.ts'
import { fromErrorMessage, MillraceError } from '../../../runtime/errors.ts'
import type { Caller } from '../../../runtime/thread.ts'
import type { LogWriterCalls } from './log-writer-calls.ts'
import { encodeBatch, KEY_BYTES_MAX, partitionOf } from './record-batch.ts'

export interface AppenderOptions {
  readonly writer: Caller<LogWriterCalls>
  readonly partitionCounts: ReadonlyMap<string, number>
  /** How long the first record of a group waits for company. */
  readonly lingerMs: number
}

interface Waiting {
  readonly records: readonly NewRecord[]
  readonly bytes: number
  resolve(): void
  reject(error: Error): void
}

/** More than this is not made durable in one go, so that a commit stays short. */
const FLUSH_BYTES_MAX = 4 * 1_048_576
/** A group this large is flushed at once. */
const FLUSH_BYTES_ENOUGH = 1_048_576
/** Above anything that ingest may have under way at its largest setting; past it, appends are refused rather than gathered. */
const QUEUE_BYTES_MAX = 1_536 * 1_048_576
/** Keys come from enrolled gateways, so few; the bound is for everything else. */
const KEYS_CACHED_MAX = 100_000

/**
 * Group commit: appends gather while one flush is under way, then leave together, one batch a partition, and share one fsync.
 * Promises settle in the order of the calls.
 */
export function createLogAppender({ writer, partitionCounts, lingerMs }: AppenderOptions) {
  let queue: Waiting[] = []
  let queuedBytes = 0
  let isFlushing = false
  const drained: (() => void)[] = []
  let timer: NodeJS.Timeout | undefined
  const partitionByKey = new Map<string, number>()

  function append(records: readonly NewRecord[]): Promise<void> {
    let bytes = 0
    for (const record of records) {
      const { topic, key } = record
      if (!partitionCounts.has(topic)) return Promise.reject(new TypeError(`The event log has no topic ${topic}.`))
      if (key.length > KEY_BYTES_MAX / 4) return Promise.reject(new TypeError('The key of a record is too long.'))
      bytes += sizeOf(record)
    }
    if (queuedBytes > 0 && queuedBytes + bytes > QUEUE_BYTES_MAX) {
      const message = `More than ${QUEUE_BYTES_MAX} bytes wait to be made durable; the disk does not keep up.`
      return Promise.reject(new MillraceError('event-log.unavailable', message))
    }
    queuedBytes += bytes
    return new Promise((resolve, reject) => {
      queue.push({ records, bytes, resolve, reject })
      if (isFlushing) return
      if (queuedBytes >= FLUSH_BYTES_ENOUGH) start()
      else timer ??= setTimeout(start, lingerMs)
    })
  }

  function start(): void {
    clearTimeout(timer)
    timer = undefined
    if (!isFlushing && queue.length > 0) void flush()
  }

  async function flush(): Promise<void> {
    isFlushing = true
    const taken = take()
    try {
      const batches = group(taken.flatMap(({ records }) => records))
      const memory = batches.map(({ bytes }) => bytes.buffer)
      await writer.callWith(memory, 'append', batches)
      for (const waiting of taken) waiting.resolve()
    } catch (cause) {
      const error =
        cause instanceof MillraceError
          ? cause
          : fromErrorMessage({ code: '', message: String(cause), details: {} }, 'event-log.unavailable')
      for (const waiting of taken) waiting.reject(error)
    }
    isFlushing = false
    if (queue.length === 0) for (const resolve of drained.splice(0)) resolve()
    if (queuedBytes >= FLUSH_BYTES_ENOUGH) start()
    else if (queue.length > 0) timer ??= setTimeout(start, lingerMs)
  }

  function take(): readonly Waiting[] {
    let bytes = 0
    let count = 0
    for (const waiting of queue) {
      if (count > 0 && bytes + waiting.bytes > FLUSH_BYTES_MAX) break
      bytes += waiting.bytes
      count++
    }
    const taken = count === queue.length ? queue : queue.slice(0, count)
    queue = count === queue.length ? [] : queue.slice(count)
    queuedBytes -= bytes
    return taken
  }

  function group(records: readonly NewRecord[]) {
    const groups = new Map<string, Map<number, NewRecord[]>>()
    for (const record of records) {
      const byPartition = groups.get(record.topic) ?? new Map<number, NewRecord[]>()
      groups.set(record.topic, byPartition)
      const partition = partitionFor(record.topic, record.key)
      const list = byPartition.get(partition)
      if (list) list.push(record)
      else byPartition.set(partition, [record])
    }
    return [...groups].flatMap(([topic, byPartition]) =>
      [...byPartition].map(([partition, list]) => ({ topic, partition, ...encodeBatch(list) })),
    )
  }

  function partitionFor(topic: string, key: string): number {
    const count = partitionCounts.get(topic) ?? 1
    if (count === 1) return 0
    let hash = partitionByKey.get(key)
    if (hash === undefined) {
      if (partitionByKey.size >= KEYS_CACHED_MAX) partitionByKey.clear()
      hash = partitionOf(key, Number.MAX_SAFE_INTEGER)
      partitionByKey.set(key, hash)
    }
    return hash % count
  }

  return {
    append,
    /** Makes durable what waits, without waiting for company. Resolves when every append made before has settled, one way or the other. */
    async drain(): Promise<void> {
      if (!isFlushing && queue.length === 0) return
      start()
      await new Promise<void>((resolve) => drained.push(resolve))
    },
  }
}
