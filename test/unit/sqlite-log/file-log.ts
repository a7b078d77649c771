import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import type { TopicOptions } from '../../../platform/adapters/sqlite/log/log-format.ts'
import { openLogDatabase } from '../../../platform/adapters/sqlite/log/log-format.ts'
import { createLogReads } from '../../../platform/adapters/sqlite/log/log-reads.ts'
import { createRetention } from '../../../platform/adapters/sqlite/log/log-retention.ts'
import { createLogStore } from '../../../platform/adapters/sqlite/log/log-store.ts'
import { encodeBatch } from '../../../platform/adapters/sqlite/log/record-batch.ts'
import { single } from './open-log.ts'

export interface FileLogOptions {
  readonly folder: string
  readonly topics: readonly TopicOptions[]
  readonly bytesMax?: number
}

/** The writer's side of a log in this thread, with a clock that the test sets. */
export function openFileLog(t: Test, { folder, topics, bytesMax = 0 }: FileLogOptions) {
  const database = openLogDatabase(join(folder, 'log.sqlite'))
  t.teardown(() => database.isOpen && database.close())
  let nowMs = 0
  const store = createLogStore(database, topics, () => nowMs)
  const deleteSlice = createRetention(database, { topics: store.topics(), bytesMax })

  return {
    database,
    store,
    deleteSlice,
    reads: createLogReads(database),
    setClock(timeMs: number): void {
      nowMs = timeMs
    },
    /** One batch of these values. */
    append(topic: string, partition: number, values: readonly (string | Uint8Array)[]): void {
      store.append([{ topic, partition, ...encodeBatch(values.map(single)) }])
    },
    /** @returns how many slices it took. */
    deleteAll(timeMs: number): number {
      let slices = 0
      while (deleteSlice(timeMs)) slices++
      return slices
    },
    close: () => database.close(),
  }
}

/** First offsets and counts of the batches that are left, by partition. */
export function batchesLeft(database: DatabaseSync, partition: number): readonly (readonly [number, number])[] {
  return database
    .prepare('SELECT base_offset, count FROM batch WHERE partition = ? ORDER BY base_offset')
    .all(partition)
    .map((row) => [Number(row.base_offset), Number(row.count)])
}
