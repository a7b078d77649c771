import { join } from 'node:path'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { EventLog } from '../../../ports/event-log.ts'
import { createCaller, startThread, type Thread } from '../../../runtime/thread.ts'
import { createLogAppender } from './log-appender.ts'
import { joinLogGroup } from './log-consumer.ts'
import { openLogReadOnly, type TopicOptions } from './log-format.ts'
import { createLogReads, type LogReads } from './log-reads.ts'
import type { LogWriterCalls } from './log-writer-calls.ts'

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

/** Opens the log for the main thread: all SQLite work is done in a writer thread and a reader thread. */
export async function openSqliteLog(options: SqliteLogOptions): Promise<SqliteLog> {
  const { folder, topics, bytesMax, lingerMs, retentionEveryMs, onDeath } = options
  const path = pathIn(folder)
  const unavailable = 'event-log.unavailable' as const
  const writer = startThread<LogWriterCalls>({
    module: new URL('./log-writer-thread.ts', import.meta.url),
    data: { path, topics, bytesMax, retentionEveryMs },
    unavailable,
    onDeath,
  })
  const partitionCounts = await writer.call('partitionCounts')
  /** Started by the first who reads: an ordinary day has nobody. */
  let started: Thread<LogReads> | undefined
  const reader = (): Thread<LogReads> => {
    started ??= startThread<LogReads>({
      module: new URL('./log-reader-thread.ts', import.meta.url),
      data: { path },
      unavailable,
      onDeath,
    })
    return started
  }
  const { append } = createLogAppender({ writer, partitionCounts, lingerMs })

  return {
    append,
    ping: () => writer.call('ping'),
    read: (from, limit) => reader().call('read', from, limit),
    partitions: (topic) => reader().call('partitions', topic),
    offsetsAt: (topic, timeMs) => reader().call('offsetsAt', topic, timeMs),
    lag: (group, topic) => writer.call('lag', group, topic),
    join: (group, groupTopics) =>
      joinLogGroup(writer, (from, limit) => reader().call('read', from, limit), { group, topics: groupTopics }),
    async connect() {
      const { port1, port2 } = new MessageChannel()
      await writer.callWith([port2], 'connect', port2)
      return port1
    },
    async close() {
      await started?.terminate()
      // Lets a flush that is under way end; what it holds then is durable, acknowledged or not.
      await writer.call('partitionCounts').catch(() => undefined)
      await writer.terminate()
    },
  }
}

/** The same log seen from a thread that serves no sockets: it reads by itself, and asks the writer thread for the rest. */
export async function openSqliteLogFromThread(folder: string, port: MessagePort): Promise<EventLog & { close(): void }> {
  const database = openLogReadOnly(pathIn(folder))
  const reads = createLogReads(database)
  const writer = createCaller<LogWriterCalls>(port, 'event-log.unavailable')
  const partitionCounts = await writer.call('partitionCounts')
  const { append } = createLogAppender({ writer, partitionCounts, lingerMs: 0 })
  return {
    append,
    ping: () => writer.call('ping'),
    read: async (from, limit) => reads.read(from, limit),
    partitions: async (topic) => reads.partitions(topic),
    offsetsAt: async (topic, timeMs) => reads.offsetsAt(topic, timeMs),
    lag: (group, topic) => writer.call('lag', group, topic),
    join: (group, groupTopics) => joinLogGroup(writer, reads.read, { group, topics: groupTopics }),
    close() {
      port.close()
      database.close()
    },
  }
}
