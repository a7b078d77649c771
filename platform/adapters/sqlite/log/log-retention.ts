import type { DatabaseSync } from 'node:sqlite'
import { asNumber, inTransaction } from '../database.ts'
import type { StoredTopic } from './log-store.ts'

export interface RetentionOptions {
  readonly topics: readonly StoredTopic[]
  /** What the file holds is kept below this; 0 for no limit. */
  readonly bytesMax: number
}

/** One delete takes this much at most, so that appends don't wait behind it. */
const BATCHES_PER_SLICE = 32
const BYTES_PER_SLICE = 8 * 1_048_576

interface Place {
  readonly topicId: number
  readonly partition: number
}

interface Batch {
  readonly id: number
  readonly baseOffset: number
  readonly timeMs: number
}

/**
 * Deletes what is too old, or the oldest when the file is too large. Never what a consumer group has yet to commit, whatever its age: a reading
 * that was acknowledged must reach the store first. And never the newest batch of a partition, which holds the next offset.
 *
 * What goes is always the beginning of a partition, so finding it costs the same however much is kept.
 *
 * @returns a function that deletes one slice, of one partition, and says whether there may be more.
 */
export function createRetention(database: DatabaseSync, { topics, bytesMax }: RetentionOptions): (nowMs: number) => boolean {
  const findRemovable = createFinder(database)
  const remove = database.prepare('DELETE FROM batch WHERE topic_id = ? AND partition = ? AND base_offset <= ?')
  const places = topics.flatMap(({ id, partitions, retentionMs }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topicId: id, partition, retentionMs })),
  )

  function removeUpTo(place: Place, batch: Batch): true {
    inTransaction(database, () => remove.run(place.topicId, place.partition, batch.baseOffset))
    return true
  }

  function deleteOld(nowMs: number): boolean {
    for (const place of places) {
      const last = findRemovable(place).findLast(({ timeMs }) => timeMs < nowMs - place.retentionMs)
      if (last !== undefined) return removeUpTo(place, last)
    }
    return false
  }

  /** Batches are numbered as they come, so the least number among the first ones of all partitions is the oldest batch. */
  function deleteOldest(): boolean {
    const heads = places
      .map((place) => ({ place, batches: findRemovable(place) }))
      .filter(({ batches }) => batches.length > 0)
      .sort((left, right) => (left.batches[0]?.id ?? 0) - (right.batches[0]?.id ?? 0))
    const [oldest, next] = heads
    const untilId = next?.batches[0]?.id ?? Number.POSITIVE_INFINITY
    const last = oldest?.batches.findLast(({ id }) => id < untilId)
    return oldest !== undefined && last !== undefined && removeUpTo(oldest.place, last)
  }

  return (nowMs) => deleteOld(nowMs) || (bytesMax > 0 && usedBytes(database) > bytesMax && deleteOldest())
}

/** The first batches of a partition that may go, as many as fit in a slice. */
function createFinder(database: DatabaseSync): (place: Place) => readonly Batch[] {
  const select = database.prepare(
    `SELECT id, base_offset, base_offset + count AS next_offset, time_ms, length(bytes) AS size FROM batch
     WHERE topic_id = ? AND partition = ? AND base_offset < ? ORDER BY base_offset LIMIT ${BATCHES_PER_SLICE}`,
  )
  const newest = database.prepare('SELECT MAX(base_offset) AS base FROM batch WHERE topic_id = ? AND partition = ?')
  const committed = database.prepare('SELECT MIN(next_offset) AS next FROM committed WHERE topic_id = ? AND partition = ?')

  return ({ topicId, partition }) => {
    const newestBase = newest.get(topicId, partition)?.base
    if (typeof newestBase !== 'number') return []
    const least = committed.get(topicId, partition)?.next
    const committedUntil = typeof least === 'number' ? least : Number.POSITIVE_INFINITY
    const found: Batch[] = []
    let bytes = 0
    for (const row of select.iterate(topicId, partition, Math.min(newestBase, committedUntil))) {
      bytes += asNumber(row.size)
      if (asNumber(row.next_offset) > committedUntil || (found.length > 0 && bytes > BYTES_PER_SLICE)) break
      found.push({ id: asNumber(row.id), baseOffset: asNumber(row.base_offset), timeMs: asNumber(row.time_ms) })
    }
    return found
  }
}

/** Pages that hold something. The file itself never shrinks: what was freed is written again. */
function usedBytes(database: DatabaseSync): number {
  const pages = asNumber(database.prepare('PRAGMA page_count').get()?.page_count)
  const free = asNumber(database.prepare('PRAGMA freelist_count').get()?.freelist_count)
  return (pages - free) * asNumber(database.prepare('PRAGMA page_size').get()?.page_size)
}
