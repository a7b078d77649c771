import type { DatabaseSync } from 'node:sqlite'
import { asNumber, inTransaction } from '../database.ts'
import type { TopicOptions } from './log-format.ts'

export interface RetentionOptions {
  readonly topics: readonly TopicOptions[]
  readonly topicIds: ReadonlyMap<string, number>
  /** The file is kept below this; 0 for no limit. */
  readonly bytesMax: number
}

/** One delete takes this many batches at most, so that appends don't wait behind it. */
const BATCHES_PER_SLICE = 32

/**
 * Deletes what is too old, or the oldest when the file is too large. Never what a consumer group has yet to commit, whatever its age: a reading
 * that was acknowledged must reach the store first. And never the newest batch of a partition, which holds the next offset.
 *
 * @returns a function that deletes one slice and says whether there may be more.
 */
export function createRetention(
  database: DatabaseSync,
  { topics, topicIds, bytesMax }: RetentionOptions,
): (nowMs: number) => boolean {
  const removable = `
    EXISTS (SELECT 1 FROM batch newer WHERE newer.topic_id = batch.topic_id AND newer.partition = batch.partition AND newer.base_offset > batch.base_offset)
    AND NOT EXISTS (SELECT 1 FROM committed c WHERE c.topic_id = batch.topic_id AND c.partition = batch.partition
      AND c.next_offset < batch.base_offset + batch.count)`
  const deleteOld = database.prepare(
    `DELETE FROM batch WHERE id IN (SELECT id FROM batch WHERE topic_id = ? AND partition = ? AND time_ms < ? AND ${removable} ORDER BY time_ms LIMIT ${BATCHES_PER_SLICE})`,
  )
  const deleteOldest = database.prepare(
    `DELETE FROM batch WHERE id IN (SELECT id FROM batch WHERE ${removable} ORDER BY id LIMIT ${BATCHES_PER_SLICE})`,
  )

  function sizeBytes(): number {
    const pages = asNumber(database.prepare('PRAGMA page_count').get()?.page_count)
    const free = asNumber(database.prepare('PRAGMA freelist_count').get()?.freelist_count)
    return (pages - free) * asNumber(database.prepare('PRAGMA page_size').get()?.page_size)
  }

  return (nowMs) =>
    inTransaction(database, () => {
      let deleted = 0
      for (const { name, partitions, retentionMs } of topics) {
        for (let partition = 0; partition < partitions; partition++) {
          deleted += Number(deleteOld.run(topicIds.get(name) ?? -1, partition, nowMs - retentionMs).changes)
        }
      }
      if (bytesMax > 0 && sizeBytes() > bytesMax) deleted += Number(deleteOldest.run().changes)
      return deleted > 0
    })
}
