import type { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { GroupPlan, Lag, Position } from '../../../ports/event-log.ts'
import { asNumber, asText, inTransaction } from '../database.ts'
import type { TopicOptions } from './log-format.ts'

/** Records of one partition that become durable together with others. */
export interface WireBatch {
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly bytes: Uint8Array
}

export interface StoredTopic {
  readonly id: number
  readonly partitions: number
  readonly retentionMs: number
}

interface TopicState {
  readonly id: number
  readonly partitions: number
  /** Next offset by partition. */
  readonly ends: number[]
  /** Time of the newest batch by partition. */
  readonly times: number[]
}

export type LogStore = ReturnType<typeof createLogStore>

/** What the writer thread does to the log's file. Synchronous: it must not run on a thread that serves sockets. */
export function createLogStore(database: DatabaseSync, topics: readonly TopicOptions[], clock: () => number) {
  const stateByTopic = new Map<string, TopicState>()
  for (const topic of topics) stateByTopic.set(topic.name, loadTopic(database, topic))
  const insert = database.prepare(
    'INSERT INTO batch (topic_id, partition, base_offset, count, time_ms, bytes, crc32) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const upsert = database.prepare(
    `INSERT INTO committed (consumer_group, topic_id, partition, next_offset) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET next_offset = MAX(next_offset, excluded.next_offset)`,
  )
  const registered = database.prepare(
    `INSERT INTO committed (consumer_group, topic_id, partition, next_offset)
     SELECT ?1, ?2, ?3, COALESCE(MIN(base_offset), 0) FROM batch WHERE topic_id = ?2 AND partition = ?3
     ON CONFLICT DO NOTHING`,
  )
  const hasPlace = database.prepare('SELECT 1 FROM committed WHERE consumer_group = ? AND topic_id = ?')
  const copied = database.prepare(
    `INSERT INTO committed (consumer_group, topic_id, partition, next_offset)
     SELECT ?1, topic_id, partition, next_offset FROM committed WHERE consumer_group = ?2 AND topic_id = ?3`,
  )
  const forgotten = database.prepare('DELETE FROM committed WHERE consumer_group NOT IN (SELECT value FROM json_each(?))')
  const pinged = database.prepare(
    'INSERT INTO ping (id, time_ms) VALUES (1, ?) ON CONFLICT DO UPDATE SET time_ms = excluded.time_ms',
  )
  const select = database.prepare('SELECT next_offset FROM committed WHERE consumer_group = ? AND topic_id = ? AND partition = ?')

  function topicState(topic: string): TopicState {
    const state = stateByTopic.get(topic)
    if (state === undefined) throw new TypeError(`The event log has no topic ${topic}.`)
    return state
  }

  /** All batches in one transaction: durable when it returns. Offsets move on only after the commit. */
  function append(batches: readonly WireBatch[]): void {
    const nowMs = clock()
    inTransaction(database, () => {
      for (const { topic, partition, count, bytes } of batches) {
        const { id, ends, times } = topicState(topic)
        insert.run(id, partition, ends[partition] ?? 0, count, Math.max(nowMs, times[partition] ?? 0), bytes, crc32(bytes))
      }
    })
    for (const { topic, partition, count } of batches) {
      const { ends, times } = topicState(topic)
      ends[partition] = (ends[partition] ?? 0) + count
      times[partition] = Math.max(nowMs, times[partition] ?? 0)
    }
  }

  function ping(): void {
    inTransaction(database, () => pinged.run(clock()))
  }

  /** From the first record on, what a group has yet to commit is kept for it, also before it has committed anything. */
  function register(group: string, topics: readonly string[]): void {
    const states = topics.map(topicState)
    inTransaction(database, () => {
      for (const { id, partitions } of states) {
        for (let partition = 0; partition < partitions; partition++) registered.run(group, id, partition)
      }
    })
  }

  function prepareGroups(plans: readonly GroupPlan[]): void {
    inTransaction(database, () => {
      for (const { group, topics, like } of plans)
        for (const { id } of topics.map(topicState)) {
          const model = like.find((one) => hasPlace.get(one, id) !== undefined)
          if (model !== undefined && hasPlace.get(group, id) === undefined) copied.run(group, model, id)
        }
      forgotten.run(JSON.stringify(plans.map(({ group }) => group)))
    })
    for (const { group, topics } of plans) register(group, topics)
  }

  /** @param positions  The next offset to read, by partition. */
  function commit(group: string, positions: readonly Position[]): void {
    inTransaction(database, () => {
      for (const { topic, partition, offset } of positions) upsert.run(group, topicState(topic).id, partition, offset)
    })
  }

  function committed(group: string, topic: string, partition: number): number {
    const row = select.get(group, topicState(topic).id, partition)
    return row === undefined ? 0 : asNumber(row.next_offset)
  }

  function lag(group: string, topic: string): readonly Lag[] {
    return topicState(topic).ends.map((end, partition) => {
      const offset = committed(group, topic, partition)
      return { topic, partition, committed: offset, records: end - offset, expired: 0 }
    })
  }

  return {
    append,
    ping,
    register,
    prepareGroups,
    commit,
    committed,
    lag,
    partitions: (topic: string): number => topicState(topic).partitions,
    end: (topic: string, partition: number): number => topicState(topic).ends[partition] ?? 0,
    /** As the file has them: a topic keeps the number of partitions that it was made with. */
    topics: (): readonly StoredTopic[] =>
      topics.map(({ name, retentionMs }) => ({ id: topicState(name).id, partitions: topicState(name).partitions, retentionMs })),
  }
}

function loadTopic(database: DatabaseSync, { name, partitions }: TopicOptions): TopicState {
  database.prepare('INSERT INTO topic (name, partitions) VALUES (?, ?) ON CONFLICT DO NOTHING').run(name, partitions)
  const row = database.prepare('SELECT id, name, partitions FROM topic WHERE name = ?').get(name)
  const state: TopicState = { id: asNumber(row?.id), partitions: asNumber(row?.partitions), ends: [], times: [] }
  const newest = database.prepare(
    'SELECT base_offset + count AS next_offset, time_ms FROM batch WHERE topic_id = ? AND partition = ? ORDER BY base_offset DESC LIMIT 1',
  )
  for (let partition = 0; partition < state.partitions; partition++) {
    const last = newest.get(state.id, partition)
    state.ends.push(last === undefined ? 0 : asNumber(last.next_offset))
    state.times.push(last === undefined ? 0 : asNumber(last.time_ms))
  }
  return state
}

export function topicNames(database: DatabaseSync): ReadonlyMap<string, { readonly id: number; readonly partitions: number }> {
  const rows = database.prepare('SELECT id, name, partitions FROM topic').all()
  return new Map(rows.map((row) => [asText(row.name), { id: asNumber(row.id), partitions: asNumber(row.partitions) }]))
}
