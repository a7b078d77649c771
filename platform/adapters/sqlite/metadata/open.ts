import { join } from 'node:path'
import { Kysely } from 'kysely'
import type { Metadata } from '../../../ports/metadata.ts'
import { startThread, type Thread } from '../../../runtime/thread.ts'
import { createMetadata } from '../../metadata/metadata.ts'
import { migrateMetadata } from '../../metadata/migrate.ts'
import type { Tables } from '../../metadata/tables.ts'
import type { MetadataCalls } from './calls.ts'
import { createThreadDialect } from './dialect.ts'

const THREAD_HEAP_MAX_MIB = 64

export interface SqliteMetadataOptions {
  /** The data folder; the store is its file metadata.sqlite. The caller holds the folder's lock. */
  readonly folder: string
  /** Called when the store's thread ends by itself: the process must stop. */
  readonly onDeath: (error: Error) => void
}

/**
 * Opens the embedded metadata store, makes it where there is none and brings its tables up to date.
 * Every change is durable (fsync) when its promise resolves.
 *
 * @throws {MillraceError} `metadata.unavailable`, `store.not-durable`, `store.newer`.
 */
export async function openSqliteMetadata(options: SqliteMetadataOptions): Promise<Metadata & { close(): Promise<void> }> {
  const { db, close } = await openMetadataDatabase(options)
  try {
    await migrateMetadata(db)
  } catch (error) {
    await close()
    throw error
  }
  return { ...createMetadata(db), close }
}

export interface MetadataDatabase {
  readonly db: Kysely<Tables>
  readonly thread: Thread<MetadataCalls>
  /** Waits for the statement under way, then ends the thread. Safe to call twice. */
  close(): Promise<void>
}

/** The database alone, as it is: for migrations, and for tests that look underneath. */
export async function openMetadataDatabase({ folder, onDeath }: SqliteMetadataOptions): Promise<MetadataDatabase> {
  const thread = startThread<MetadataCalls>({
    module: new URL('./thread.ts', import.meta.url),
    data: { path: join(folder, 'metadata.sqlite') },
    unavailable: 'metadata.unavailable',
    onDeath,
    heapMaxMiB: THREAD_HEAP_MAX_MIB,
  })
  try {
    await thread.call('open')
  } catch (error) {
    await thread.terminate()
    throw error
  }
  const db = new Kysely<Tables>({ dialect: createThreadDialect(thread) })

  return {
    db,
    thread,
    async close() {
      try {
        await db.destroy()
      } finally {
        await thread.terminate()
      }
    },
  }
}
