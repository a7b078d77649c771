import type { DatabaseSync } from 'node:sqlite'
import { explainDamage, migrateDatabase, openDatabase } from '../database.ts'

/** Bigger pages than SQLite's default: a batch is mostly larger than 4 KiB, and every overflow page costs a look-up. */
const PAGE_BYTES = 16_384

/**
 * `batch` is the log. Its newest row of a partition is never deleted, so that the next offset can always be read from it.
 * `time_ms` never steps back within a partition, even when the machine's clock does.
 */
const STEPS = [
  `CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL) STRICT;
   CREATE TABLE batch (
     id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, base_offset INTEGER NOT NULL,
     count INTEGER NOT NULL, time_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
   CREATE UNIQUE INDEX batch_by_offset ON batch (topic_id, partition, base_offset, count);
   CREATE INDEX batch_by_time ON batch (topic_id, partition, time_ms, base_offset);
   CREATE TABLE committed (
     consumer_group TEXT NOT NULL, topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
     PRIMARY KEY (consumer_group, topic_id, partition)) STRICT, WITHOUT ROWID;
   CREATE TABLE ping (id INTEGER PRIMARY KEY CHECK (id = 1), time_ms INTEGER NOT NULL) STRICT;`,
  // SQLite checks what is in its write-ahead log, but not what has lain in the file for weeks. Null for batches from before.
  'ALTER TABLE batch ADD COLUMN crc32 INTEGER',
]

export interface TopicOptions {
  readonly name: string
  /** Only counts when the topic is made: keys must not move to another partition later. */
  readonly partitions: number
  /** Records older than this are deleted once every group has committed them. */
  readonly retentionMs: number
}

/** @throws {MillraceError} `store.not-durable`, `store.newer`, `store.damaged`. */
export function openLogDatabase(path: string): DatabaseSync {
  const database = openDatabase({ path, isReadOnly: false, cacheMiB: 16, pageBytes: PAGE_BYTES })
  try {
    explainDamage(path, () => migrateDatabase(database, STEPS))
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

export const openLogReadOnly = (path: string): DatabaseSync => openDatabase({ path, isReadOnly: true, cacheMiB: 8 })
