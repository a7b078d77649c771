import type { Consumer, LogRecord, PollLimit, Position } from '../../../ports/event-log.ts'
import type { Caller } from '../../../runtime/thread.ts'
import type { LogWriterCalls, Sync } from './log-writer-calls.ts'

/** As `createLogReads().read`, here or in a reader thread. */
export type ReadRecords = (from: Position, limit: PollLimit) => readonly LogRecord[] | Promise<readonly LogRecord[]>

interface Cursor {
  readonly topic: string
  readonly partition: number
  /** The next offset to read. */
  offset: number
}

const ABORTED = Symbol('aborted')

/** A member of a consumer group: the writer thread says what it owns and how far that goes, `read` fetches it. */
export async function joinLogGroup(
  writer: Caller<LogWriterCalls>,
  read: ReadRecords,
  membership: { readonly group: string; readonly topics: readonly string[] },
): Promise<Consumer> {
  const member = await writer.call('join', membership.group, membership.topics)
  let generation = -1
  let cursors: Cursor[] = []
  let first = 0
  let uncommitted: Position[] = []
  let syncing: Promise<Sync> | undefined

  /** Waits for records or another assignment. A sync that outlived its poll is used by the next one. */
  async function sync(signal: AbortSignal): Promise<Sync | typeof ABORTED> {
    syncing ??= writer.call(
      'sync',
      member,
      generation,
      cursors.map(({ offset }) => offset),
    )
    const aborted = abortOf(signal)
    try {
      return await Promise.race([syncing, aborted.promise])
    } finally {
      aborted.forget()
    }
  }

  function apply({ generation: current, assignment }: Sync): void {
    syncing = undefined
    if (assignment === undefined) return
    generation = current
    cursors = assignment.map((position) => ({ ...position }))
    uncommitted = []
  }

  async function readOwned({ recordsMax, bytesMax }: PollLimit): Promise<readonly LogRecord[]> {
    const records: LogRecord[] = []
    let bytesLeft = bytesMax
    uncommitted = []
    // Begins with another partition each time, so that a busy one doesn't starve the others.
    first = cursors.length === 0 ? 0 : (first + 1) % cursors.length
    for (let turn = 0; turn < cursors.length && records.length < recordsMax && bytesLeft > 0; turn++) {
      const cursor = cursors[(first + turn) % cursors.length]
      if (cursor === undefined) break
      const found = await read(cursor, { recordsMax: recordsMax - records.length, bytesMax: bytesLeft })
      const last = found.at(-1)
      if (last === undefined) continue
      for (const record of found) {
        records.push(record)
        bytesLeft -= record.value.length
      }
      cursor.offset = last.offset + 1
      uncommitted.push({ ...cursor })
    }
    return records
  }

  return {
    async poll(limit, signal) {
      while (!signal.aborted) {
        const change = await sync(signal)
        if (change === ABORTED) break
        apply(change)
        const records = await readOwned(limit)
        if (records.length > 0) return records
      }
      return []
    },

    async commit() {
      const positions = uncommitted
      uncommitted = []
      if (positions.length > 0) await writer.call('commit', member, generation, positions)
    },

    async close() {
      await writer.call('leave', member)
    },
  }
}

function abortOf(signal: AbortSignal): { readonly promise: Promise<typeof ABORTED>; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<typeof ABORTED>()
  const onAbort = (): void => resolve(ABORTED)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) }
}
