import type { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { type LogRecord, type PollLimit, type Position, sizeOf, type TopicPartition } from '../../../ports/event-log.ts'
import { MillraceError } from '../../../runtime/errors.ts'
import { asBytes, asNumber } from '../database.ts'
import { topicNames } from './log-store.ts'
import { type BatchPlace, decodeBatch } from './record-batch.ts'

export type LogReads = ReturnType<typeof createLogReads>

/** Reads on a read-only connection. Synchronous: for threads that serve no sockets. */
export function createLogReads(database: DatabaseSync) {
  let topics = topicNames(database)
  const startAt = database.prepare(
    'SELECT MAX(base_offset) AS base FROM batch WHERE topic_id = ? AND partition = ? AND base_offset <= ?',
  )
  const from = database.prepare(
    'SELECT base_offset, time_ms, bytes, crc32 FROM batch WHERE topic_id = ? AND partition = ? AND base_offset >= ? ORDER BY base_offset',
  )
  const first = database.prepare('SELECT MIN(base_offset) AS base FROM batch WHERE topic_id = ? AND partition = ?')
  const last = database.prepare(
    'SELECT base_offset + count AS next FROM batch WHERE topic_id = ? AND partition = ? ORDER BY base_offset DESC LIMIT 1',
  )
  const atTime = database.prepare(
    'SELECT base_offset AS base FROM batch WHERE topic_id = ? AND partition = ? AND time_ms >= ? ORDER BY time_ms, base_offset LIMIT 1',
  )

  function topicOf(name: string): { readonly id: number; readonly partitions: number } {
    if (!topics.has(name)) topics = topicNames(database)
    const topic = topics.get(name)
    if (topic === undefined)
      throw new MillraceError('query.invalid', `The event log has no topic ${name}. It has ${[...topics.keys()].join(', ')}.`)
    return topic
  }

  function read({ topic, partition, offset }: Position, { recordsMax, bytesMax }: PollLimit): readonly LogRecord[] {
    const { id } = topicOf(topic)
    const base = startAt.get(id, partition, offset)?.base
    const records: LogRecord[] = []
    let size = 0
    let isFull = false
    for (const row of from.iterate(id, partition, typeof base === 'number' ? base : offset)) {
      const place = { topic, partition, baseOffset: asNumber(row.base_offset), timestampMs: asNumber(row.time_ms) }
      const bytes = asBytes(row.bytes)
      if (typeof row.crc32 === 'number' && crc32(bytes) !== row.crc32) {
        // What lies before the damage is whole and is given out; the next read begins at the damage, and says so.
        if (records.length > 0) break
        throw damaged(place)
      }
      decodeBatch(bytes, place, offset, (record) => {
        const recordBytes = sizeOf(record)
        isFull = records.length > 0 && size + recordBytes > bytesMax
        if (isFull) return false
        records.push(record)
        size += recordBytes
        isFull = records.length >= recordsMax || size >= bytesMax
        return !isFull
      })
      if (isFull) break
    }
    return records
  }

  function partitions(topic: string): readonly TopicPartition[] {
    const { id, partitions: count } = topicOf(topic)
    return Array.from({ length: count }, (_, partition) => {
      const newest = last.get(id, partition)
      if (newest === undefined) return { topic, partition, firstOffset: 0, nextOffset: 0 }
      return { topic, partition, firstOffset: asNumber(first.get(id, partition)?.base), nextOffset: asNumber(newest.next) }
    })
  }

  function offsetsAt(topic: string, timeMs: number): readonly Position[] {
    const { id } = topicOf(topic)
    return partitions(topic).map(({ partition, nextOffset }) => {
      const row = atTime.get(id, partition, timeMs)
      return { topic, partition, offset: row === undefined ? nextOffset : asNumber(row.base) }
    })
  }

  return { read, partitions, offsetsAt }
}

function damaged({ topic, partition, baseOffset: offset }: BatchPlace): MillraceError {
  const where = `the records of ${topic}, partition ${partition}, from offset ${offset} on`
  return new MillraceError(
    'store.damaged',
    `The event log is damaged on the disk: ${where} are not those that were written. Restore log.sqlite from a backup.`,
    { details: { topic, partition, offset } },
  )
}
