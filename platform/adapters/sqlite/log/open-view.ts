import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { EventLogReader } from '../../../ports/event-log.ts'
import { openLogReadOnly } from './log-format.ts'
import { createLogReads } from './log-reads.ts'

export interface SqliteLogView extends Pick<EventLogReader, 'partitions' | 'read' | 'offsetsAt'> {
  close(): Promise<void>
}

/**
 * Looks at a log that nothing writes to, without changing it: no retention, no new topics. A log that isn't there is empty.
 * Synchronous inside: only for a process that serves no sockets, such as a command.
 */
export async function openSqliteLogView(folder: string): Promise<SqliteLogView> {
  const path = join(folder, 'log.sqlite')
  const close = async () => undefined
  if (!existsSync(path)) return { partitions: async () => [], read: async () => [], offsetsAt: async () => [], close }
  const database = openLogReadOnly(path)
  const reads = createLogReads(database)
  return {
    partitions: async (topic) => reads.partitions(topic),
    read: async (from, limit) => reads.read(from, limit),
    offsetsAt: async (topic, timeMs) => reads.offsetsAt(topic, timeMs),
    async close() {
      database.close()
    },
  }
}
