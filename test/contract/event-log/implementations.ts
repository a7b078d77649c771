import t, { type Test } from 'tap'
import { openSqliteLog, openSqliteLogFromThread } from '../../../platform/adapters/sqlite/log/open.ts'
import type { EventLog, NewRecord } from '../../../platform/ports/event-log.ts'

interface Opened {
  readonly log: EventLog
  close(): Promise<void>
}

export interface LogImplementation {
  readonly name: string
  /** `place` is the same for logs that must see the same data. */
  open(place: string): Promise<Opened>
}

export const PARTITIONS = 4
export const DAY_MS = 86_400_000
export const limit = { recordsMax: 1_000, bytesMax: 1_048_576 }

const sqliteOptions = (folder: string) => ({
  folder,
  topics: [
    { name: 'orders', partitions: PARTITIONS, retentionMs: DAY_MS },
    { name: 'single', partitions: 1, retentionMs: DAY_MS },
  ],
  bytesMax: 0,
  lingerMs: 1,
  retentionEveryMs: 60_000,
  onDeath: (error: Error) => t.fail('a thread of the log ended by itself', { error }),
})

export const logImplementations: readonly LogImplementation[] = [
  {
    name: 'SQLite, through threads',
    async open(place) {
      const log = await openSqliteLog(sqliteOptions(place))
      return { log, close: () => log.close() }
    },
  },
  {
    name: 'SQLite, read in this thread',
    async open(place) {
      const main = await openSqliteLog(sqliteOptions(place))
      const log = await openSqliteLogFromThread(place, await main.connect())
      return {
        log,
        async close() {
          log.close()
          await main.close()
        },
      }
    },
  },
]

export const text = (value: Uint8Array): string => Buffer.from(value).toString()
export const order = (key: string, value: string): NewRecord => ({ topic: 'orders', key, value: Buffer.from(value) })
export const single = (value: string): NewRecord => ({ topic: 'single', key: 'k', value: Buffer.from(value) })
export const never = new AbortController().signal

/** Opens a log in a place of its own, and closes it after the test. `reopen` closes it and opens the same place again. */
export async function withLog(
  t: Test,
  { open }: LogImplementation,
  work: (log: EventLog, reopen: () => Promise<EventLog>) => Promise<void>,
): Promise<void> {
  const place = t.testdir()
  let opened = await open(place)
  t.teardown(() => opened.close())
  await work(opened.log, async () => {
    await opened.close()
    opened = await open(place)
    return opened.log
  })
}
