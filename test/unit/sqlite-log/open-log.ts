import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import { openSqliteLog, type SqliteLog, type SqliteLogOptions } from '../../../platform/adapters/sqlite/log/open.ts'
import type { EventLogReader, LogRecord, NewRecord } from '../../../platform/ports/event-log.ts'

export const DAY_MS = 86_400_000
export const MIB = 1_048_576
export const never = new AbortController().signal
export const everything = { recordsMax: 1_000_000, bytesMax: 1_024 * MIB }

/** One topic `single` of one partition, one `orders` of four, kept for a day. Retention doesn't run by itself within a test. */
export const logOptions = (folder: string, changes: Partial<SqliteLogOptions> = {}): SqliteLogOptions => ({
  folder,
  topics: [
    { name: 'single', partitions: 1, retentionMs: DAY_MS },
    { name: 'orders', partitions: 4, retentionMs: DAY_MS },
  ],
  bytesMax: 0,
  lingerMs: 1,
  retentionEveryMs: DAY_MS,
  onDeath: (error) => {
    throw error
  },
  ...changes,
})

/** A log that is closed after the test. A thread of it that ends by itself fails the test, unless it says otherwise. */
export async function openLog(t: Test, changes: Partial<SqliteLogOptions> = {}): Promise<SqliteLog> {
  const folder = changes.folder ?? t.testdir()
  const onDeath = (error: Error) => t.fail('a thread of the log ended by itself', { error })
  const log = await openSqliteLog(logOptions(folder, { onDeath, ...changes }))
  t.teardown(() => log.close())
  return log
}

/** A connection of its own, for looking underneath and for standing in the way. */
export function openSpy(t: Test, folder: string): DatabaseSync {
  mkdirSync(folder, { recursive: true })
  const spy = new DatabaseSync(join(folder, 'log.sqlite'))
  t.teardown(() => spy.isOpen && spy.close())
  return spy
}

export const numberOf = (spy: DatabaseSync, sql: string): number => Number(Object.values(spy.prepare(sql).get() ?? {})[0])

export const single = (value: string | Uint8Array): NewRecord => ({ topic: 'single', key: 'k', value: Buffer.from(value) })
export const text = (value: Uint8Array): string => Buffer.from(value).toString()

/** Everything that the log still holds of a topic, by partition. */
export async function readAll(log: Pick<EventLogReader, 'partitions' | 'read'>, topic: string): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = []
  for (const { partition, firstOffset } of await log.partitions(topic)) {
    records.push(...(await log.read({ topic, partition, offset: firstOffset }, everything)))
  }
  return records
}

/** Often enough to be quick, and leaves the machine to what is waited for. */
const ASK_EVERY_MS = 3

/** Waits until `isSo`; the test's time-out is the only other end. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setTimeout(ASK_EVERY_MS)
}

/** Random numbers in [0, 1) from a seed, so that a failure can be repeated. */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
