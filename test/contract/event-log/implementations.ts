import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { ensureKafkaTopics, openKafkaLog } from '../../../platform/adapters/kafka/open.ts'
import { openSqliteLog, openSqliteLogFromThread } from '../../../platform/adapters/sqlite/log/open.ts'
import type { Consumer, EventLog, LogRecord, NewRecord } from '../../../platform/ports/event-log.ts'
import { createReadableLog } from '../../flow/listener/log-lines.ts'
import { needsService, openKafka } from '../../services.ts'

interface Topic {
  readonly name: string
  readonly partitions: number
  readonly retentionMs: number
}

interface Opened {
  readonly log: EventLog
  close(): Promise<void>
}

export interface LogImplementation {
  readonly name: string
  /** Why it can't be tested here. */
  readonly skip?: string | false
  /** `place` is the same for logs that must see the same data. */
  open(place: string, wanted?: readonly Topic[]): Promise<Opened>
}

export const PARTITIONS = 4
export const DAY_MS = 86_400_000
export const limit = { recordsMax: 1_000, bytesMax: 1_048_576 }

export const topics: readonly Topic[] = [
  { name: 'orders', partitions: PARTITIONS, retentionMs: DAY_MS },
  { name: 'single', partitions: 1, retentionMs: DAY_MS },
]

const sqliteOptions = (folder: string, wanted: readonly Topic[]) => ({
  folder,
  topics: wanted,
  bytesMax: 0,
  lingerMs: 1,
  retentionEveryMs: 60_000,
  onDeath: (error: Error) => t.fail('a thread of the log ended by itself', { error }),
})

export const logImplementations: readonly LogImplementation[] = [
  {
    name: 'SQLite, through threads',
    async open(place, wanted = topics) {
      const log = await openSqliteLog(sqliteOptions(place, wanted))
      return { log, close: () => log.close() }
    },
  },
  {
    name: 'SQLite, read in this thread',
    async open(place, wanted = topics) {
      const main = await openSqliteLog(sqliteOptions(place, wanted))
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
  {
    name: 'Kafka',
    skip: needsService('kafka'),
    async open(place, wanted = topics) {
      broker ??= openKafka()
      const { brokers } = await broker
      const { log: logger } = createReadableLog()
      // A test has its topics and groups to itself.
      const topicPrefix = `${createHash('sha256').update(`${place} ${process.pid}`).digest('hex').slice(0, 16)}.`
      const connection = { brokers: brokers.split(','), clientId: 'contract', topicPrefix }
      await ensureKafkaTopics(connection, wanted, { replicationFactor: 1, log: logger })
      const names = wanted.map(({ name }) => name)
      const log = await openKafkaLog({ ...connection, topics: names, lingerMs: 1, compression: 'gzip', log: logger })
      return { log, close: () => log.close() }
    },
  },
]

let broker: ReturnType<typeof openKafka> | undefined

export const text = (value: Uint8Array): string => Buffer.from(value).toString()
export const order = (key: string, value: string): NewRecord => ({ topic: 'orders', key, value: Buffer.from(value) })
export const single = (value: string): NewRecord => ({ topic: 'single', key: 'k', value: Buffer.from(value) })
export const never = new AbortController().signal

/** A poll returns what is there, which need not be all: polls until there are so many. */
export async function pollMany(consumer: Consumer, count: number, afterEach = async () => {}): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = []
  while (records.length < count) {
    records.push(...(await consumer.poll(limit, never)))
    await afterEach()
  }
  return records
}

const QUIET_MS = 1_500

/** Polls until nothing has come for a while. */
export async function pollRest(consumer: Consumer, afterEach = async () => {}): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = []
  for (;;) {
    const more = await consumer.poll(limit, AbortSignal.timeout(QUIET_MS))
    if (more.length === 0) return records
    records.push(...more)
    await afterEach()
  }
}

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
