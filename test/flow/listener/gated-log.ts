import type { EventLogWriter } from '../../../platform/ports/event-log.ts'
import { MillraceError } from '../../../platform/runtime/errors.ts'

/** A real event log with a gate before it. */
export interface GatedLog extends EventLogWriter {
  /** How many records wait at the gate. */
  readonly waiting: number
  /** The bytes of their records. */
  readonly waitingBytes: number
  /** From now on appends wait. */
  shut(): void
  /** Lets all through that wait, in order, and every later one. */
  open(): void
  /** Lets one append through that waits, by its place in the line; what came in one turn of the event loop is one. Resolves when it is durable. */
  letThrough(index: number): Promise<void>
  /** Lets one fail that waits, by its place in the line. */
  refuse(index: number): void
  /** From now on appends fail, as they do when the log is away; what waits fails too. */
  fail(): void
}

interface Waiting {
  readonly records: number
  readonly sizeBytes: number
  go(): Promise<void>
  refuse(): void
}

export function gateLog(eventLog: EventLogWriter): GatedLog {
  let state: 'open' | 'shut' | 'failing' = 'open'
  let line: Waiting[] = []
  const away = () => new MillraceError('event-log.unavailable', 'The test has taken the event log away.')

  function append(records: Parameters<EventLogWriter['append']>[0]): Promise<void> {
    if (state === 'failing') return Promise.reject(away())
    if (state === 'open') return eventLog.append(records)
    return new Promise((resolve, reject) => {
      const sizeBytes = records.reduce((sum, { value }) => sum + value.length, 0)
      const go = () => eventLog.append(records).then(resolve, reject)
      line.push({ records: records.length, sizeBytes, go, refuse: () => reject(away()) })
    })
  }

  return {
    append,
    ping: () => eventLog.ping(),
    get waiting() {
      return line.reduce((sum, { records }) => sum + records, 0)
    },
    get waitingBytes() {
      return line.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    },
    shut() {
      state = 'shut'
    },
    open() {
      state = 'open'
      const all = line
      line = []
      for (const waiting of all) void waiting.go()
    },
    async letThrough(index) {
      const [waiting] = line.splice(index, 1)
      await waiting?.go()
    },
    refuse(index) {
      const [waiting] = line.splice(index, 1)
      waiting?.refuse()
    },
    fail() {
      state = 'failing'
      const all = line
      line = []
      for (const waiting of all) waiting.refuse()
    },
  }
}
