import {
  type Consumer,
  type LogRecord,
  type Ownership,
  type Place,
  type PollLimit,
  type Position,
  sizeOfAll,
} from '../../../ports/event-log.ts'
import { createOwnership } from '../../../runtime/ownership.ts'
import type { Caller } from '../../../runtime/thread.ts'
import { untilWoken, wake } from '../../../runtime/wake.ts'
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

/** A sync that was asked for. */
interface Syncing {
  /** Gives it, or throws why there is none; undefined as long as it isn't there. */
  outcome?: () => Sync
}

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
  /** What the log has dealt out since the last sync is found out by the commit. */
  let ownership = own([])
  let syncing: Syncing | undefined
  const waiting = new Set<() => void>()

  /** Waits for records or another assignment. A sync that outlived its poll is used by the next one. */
  async function sync(signal: AbortSignal): Promise<Sync | typeof ABORTED> {
    syncing ??= begin()
    const { outcome } = await settled(syncing, signal)
    if (outcome === undefined) return ABORTED
    syncing = undefined
    return outcome()
  }

  /** Waited for once, however many polls come and go meanwhile: each would leave something behind with it. */
  function begin(): Syncing {
    const begun: Syncing = {}
    const offsets = cursors.map(({ offset }) => offset)
    writer
      .call('sync', member, generation, offsets)
      .then(
        (found) => {
          begun.outcome = () => found
        },
        (error: Error) => {
          begun.outcome = () => {
            throw error
          }
        },
      )
      .then(() => wake(waiting))
    return begun
  }

  async function settled(one: Syncing, signal: AbortSignal): Promise<Syncing> {
    while (one.outcome === undefined && !signal.aborted) await untilWoken(waiting, signal)
    return one
  }

  function apply({ generation: current, assignment }: Sync): void {
    if (assignment === undefined) return
    generation = current
    cursors = assignment.map((position) => ({ ...position }))
    ownership = own(assignment.map(({ topic, partition }) => ({ topic, partition })))
  }

  function own(places: readonly Place[]): Ownership {
    return createOwnership(places, () => ownership)
  }

  async function readOwned({ recordsMax, bytesMax }: PollLimit): Promise<readonly LogRecord[]> {
    const records: LogRecord[] = []
    const moves: { readonly cursor: Cursor; readonly offset: number }[] = []
    let bytesLeft = bytesMax
    // Begins with another partition each time, so that a busy one doesn't starve the others.
    first = cursors.length === 0 ? 0 : (first + 1) % cursors.length
    for (let turn = 0; turn < cursors.length && records.length < recordsMax && bytesLeft > 0; turn++) {
      const cursor = cursors[(first + turn) % cursors.length]
      if (cursor === undefined) break
      const found = await read(cursor, { recordsMax: recordsMax - records.length, bytesMax: bytesLeft })
      const last = found.at(-1)
      if (last === undefined) continue
      // A read gives one record whatever its size; behind others, one that doesn't fit waits for the next poll.
      const size = sizeOfAll(found)
      if (records.length > 0 && size > bytesLeft) break
      for (const record of found) records.push(record)
      bytesLeft -= size
      moves.push({ cursor, offset: last.offset + 1 })
    }
    // Only now, when every read has succeeded: otherwise the records of the first ones would be passed over.
    for (const { cursor, offset } of moves) cursor.offset = offset
    uncommitted = moves.map(({ cursor }) => ({ ...cursor }))
    return records
  }

  return {
    async poll(limit, signal) {
      uncommitted = []
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
      if (uncommitted.length > 0) await writer.call('commit', member, generation, uncommitted)
      // Kept until then, so that a commit that failed can be tried again.
      uncommitted = []
    },

    ownership: () => ownership,

    async close() {
      await writer.call('leave', member)
    },
  }
}
