import { join } from 'node:path'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { EventLog } from '../../../ports/event-log.ts'
import { createCaller, startThread, type Thread } from '../../../runtime/thread.ts'
import { createLogAppender } from './log-appender.ts'
import { joinLogGroup } from './log-consumer.ts'
import { openLogReadOnly, type TopicOptions } from './log-format.ts'
import { createLogReads, type LogReads } from './log-reads.ts'
import type { LogWriterCalls, LogWriterData } from './log-writer-calls.ts'
import { readInSlices } from './read-in-slices.ts'

export interface SqliteLogOptions {
  readonly folder: string
  readonly topics: readonly TopicOptions[]
  /** The oldest records go when the file is larger; 0 for no limit. */
  readonly bytesMax: number
  /** How long the first record of a group commit waits for company, milliseconds. */
  readonly lingerMs: number
  readonly retentionEveryMs: number
  /** The thread ended by itself: nothing can be acknowledged any more, so the process must stop. */
  readonly onDeath: (error: Error) => void
}

export interface SqliteLog extends EventLog {
  /** For another thread: hand the port over and open it there with `openSqliteLogFromThread`. */
  connect(): Promise<MessagePort>
  close(): Promise<void>
}

const pathIn = (folder: string): string => join(folder, 'log.sqlite')

/**
 * Opens the log for the main thread: all SQLite work is done in a writer thread and a reader thread.
 *
 * @throws {MillraceError} `store.not-durable`, `store.newer`, `store.damaged`, `event-log.unavailable`.
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  const { folder, lingerMs, onDeath } = options
  const writer = startWriter(options)
  const partitionCounts = await writer.call('partitionCounts').catch(async (error: unknown) => {
    await writer.terminate()
    throw error
  })
  const { append, drain } = createLogAppender({ writer, partitionCounts, lingerMs })
  /** Started by the first who reads: an ordinary day has nobody. */
  let started: Thread<LogReads> | undefined
  const reader = (): Thread<LogReads> => {
    started ??= startReader(pathIn(folder), onDeath)
    return started
  }
  const read = readInSlices((from, limit) => reader().call('read', from, limit))

  return {
    append,
    read,
    ping: () => writer.call('ping'),
    partitions: (topic) => reader().call('partitions', topic),
    offsetsAt: (topic, timeMs) => reader().call('offsetsAt', topic, timeMs),
    lag: (group, topic) => writer.call('lag', group, topic),
    prepareGroups: (plans) => writer.call('prepareGroups', plans),
    join: (group, topics) => joinLogGroup(writer, read, { group, topics }),
    async connect() {
      const { port1, port2 } = new MessageChannel()
      await writer.callWith([port2], 'connect', port2)
      return port1
    },
    async close() {
      // What was appended before is made durable, or said not to be.
      await drain()
      await started?.terminate()
      await writer.call('close').catch(() => undefined)
      await writer.terminate()
    },
  }
}

const UNAVAILABLE = 'event-log.unavailable'

function startWriter({ folder, topics, bytesMax, retentionEveryMs, onDeath }: SqliteLogOptions): Thread<LogWriterCalls> {
  const data: LogWriterData = { path: pathIn(folder), topics, bytesMax, retentionEveryMs }
  return startThread({ module: new URL('./log-writer-thread.ts', import.meta.url), data, unavailable: UNAVAILABLE, onDeath })
}

function startReader(path: string, onDeath: SqliteLogOptions['onDeath']): Thread<LogReads> {
  return startThread({
    module: new URL('./log-reader-thread.ts', import.meta.url),
    data: { path },
    unavailable: UNAVAILABLE,
    onDeath,
  })
}

/** The same log seen from a thread that serves no sockets: it reads by itself, and asks the writer thread for the rest. */
export async function openSqliteLogFromThread(folder: string, port: MessagePort): Promise<EventLog & { close(): void }> {
  const database = openLogReadOnly(pathIn(folder))
  const reads = createLogReads(database)
  const writer = createCaller<LogWriterCalls>(port, UNAVAILABLE)
  const partitionCounts = await writer.call('partitionCounts').catch((error: unknown) => {
    database.close()
    throw error
  })
  const { append } = createLogAppender({ writer, partitionCounts, lingerMs: 0 })
  return {
    append,
    ping: () => writer.call('ping'),
    read: async (from, limit) => reads.read(from, limit),
    partitions: async (topic) => reads.partitions(topic),
    offsetsAt: async (topic, timeMs) => reads.offsetsAt(topic, timeMs),
    lag: (group, topic) => writer.call('lag', group, topic),
    prepareGroups: (plans) => writer.call('prepareGroups', plans),
    join: (group, groupTopics) => joinLogGroup(writer, reads.read, { group, topics: groupTopics }),
    close() {
      port.close()
      database.close()
    },
  }
}
