import { type NewRecord, sizeOf } from '../ports/event-log.ts'
import { MillraceError } from './errors.ts'

export interface GroupCommitOptions {
  /** Makes records durable, all that a group holds; the next group waits for it. */
  readonly send: (records: readonly NewRecord[]) => Promise<void>
  /** @returns why a record can't be appended. It is the caller's mistake, so it fails alone and at once. */
  readonly fault: (record: NewRecord) => string | undefined
  /** How long the first record of a group waits for company. */
  readonly lingerMs: number
}

export interface GroupCommit {
  append(records: readonly NewRecord[]): Promise<void>
  /** Makes durable what waits, without waiting for company. Resolves when every append made before has settled, one way or the other. */
  drain(): Promise<void>
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
/**
 * Appends gather while one group is on its way, then leave together and share one flush.
 * Promises settle in the order of the calls.
 */
export function createGroupCommit({ send, fault, lingerMs }: GroupCommitOptions): GroupCommit {
  let queue: Waiting[] = []
  let queuedBytes = 0
  let isFlushing = false
  const drained: (() => void)[] = []
  let timer: NodeJS.Timeout | undefined

  function append(records: readonly NewRecord[]): Promise<void> {
    let bytes = 0
    for (const record of records) {
      const found = fault(record)
      if (found !== undefined) return Promise.reject(new TypeError(found))
      bytes += sizeOf(record)
    }
    if (queuedBytes > 0 && queuedBytes + bytes > QUEUE_BYTES_MAX) {
      const message = `More than ${QUEUE_BYTES_MAX} bytes wait to be made durable; the event log does not keep up.`
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
      await send(taken.flatMap(({ records }) => records))
      for (const waiting of taken) waiting.resolve()
    } catch (cause) {
      const error = cause instanceof MillraceError ? cause : new MillraceError('event-log.unavailable', String(cause), { cause })
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

  return {
    append,
    async drain(): Promise<void> {
      if (!isFlushing && queue.length === 0) return
      start()
      await new Promise<void>((resolve) => drained.push(resolve))
    },
  }
}
