import type { NewRecord } from '../platform/ports/event-log.ts'

type Settled = (error?: Error) => void

/** Larger ones go alone: what the event log would refuse for its size must not take others with it. */
const ALONE_BYTES = 65_536
/** So much isn't held back any longer. */
const ENOUGH_BYTES = 262_144

interface Turn {
  readonly records: NewRecord[]
  readonly settled: Settled[]
  bytes: number
}

export interface AppendTurns {
  /** Calls `settled`, in the order of the calls, when the records are durable, or with an error when they aren't. */
  add(records: readonly NewRecord[], bytes: number, settled: Settled): void
}

/** What comes within one turn of the event loop is appended together: one promise for all of it, where each message's own would cost more than its check. */
export function createAppendTurns(append: (records: readonly NewRecord[]) => Promise<void>): AppendTurns {
  let turn: Turn | undefined

  function send(): void {
    if (turn === undefined) return
    const { records, settled } = turn
    turn = undefined
    append(records).then(
      () => {
        for (const one of settled) one()
      },
      (error: Error) => {
        for (const one of settled) one(error)
      },
    )
  }

  return {
    add(records, bytes, settled) {
      if (bytes >= ALONE_BYTES) send()
      if (turn === undefined) {
        turn = { records: [], settled: [], bytes: 0 }
        setImmediate(send)
      }
      for (const record of records) turn.records.push(record)
      turn.settled.push(settled)
      turn.bytes += bytes
      if (bytes >= ALONE_BYTES || turn.bytes >= ENOUGH_BYTES) send()
    },
  }
}
