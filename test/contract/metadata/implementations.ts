import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { migrateMetadata } from '../../../platform/adapters/metadata/migrate.ts'
import { openPostgresDatabase, openPostgresMetadata } from '../../../platform/adapters/postgres/open.ts'
import { openMetadataDatabase, openSqliteMetadata } from '../../../platform/adapters/sqlite/metadata/open.ts'
import type { Certificate, Metadata } from '../../../platform/ports/metadata.ts'

import { createReadableLog } from '../../flow/listener/log-lines.ts'
import { needsService, openPostgres } from '../../services.ts'

export interface OpenedMetadata {
  readonly metadata: Metadata
  close(): Promise<void>
}

/** A metadata store as the contract's tests need it. `place` is an empty folder; the same place means the same data. */
export interface MetadataImplementation {
  readonly name: string
  /** Why it can't be tested here. */
  readonly skip?: string | false
  open(place: string): Promise<OpenedMetadata>
  /** Moves the tables, with nothing else open. */
  migrate(place: string, target: 'latest' | 'empty'): Promise<void>
  /** Keeps the database busy for a good part of a second. */
  runSlowStatement(place: string): Promise<void>
}

const SLOW_SQL =
  'with recursive counter(n) as (select 1 union all select n + 1 from counter where n < 2000000) select max(n) as n from counter'

function failOnDeath(error: Error): void {
  throw error
}

export const metadataImplementations: readonly MetadataImplementation[] = [
  {
    name: 'SQLite',
    async open(place) {
      const metadata = await openSqliteMetadata({ folder: place, onDeath: failOnDeath })
      return { metadata, close: metadata.close }
    },
    async migrate(place, target) {
      const { db, close } = await openMetadataDatabase({ folder: place, onDeath: failOnDeath })
      await migrateMetadata(db, target)
      await close()
    },
    async runSlowStatement(place) {
      const { thread, close } = await openMetadataDatabase({ folder: place, onDeath: failOnDeath })
      await thread.call('run', { sql: SLOW_SQL, parameters: [] })
      await close()
    },
  },
  {
    name: 'PostgreSQL',
    skip: needsService('postgres'),
    async open(place) {
      const metadata = await openPostgresMetadata(await postgresOf(place))
      return { metadata, close: metadata.close }
    },
    async migrate(place, target) {
      const { db, close } = openPostgresDatabase(await postgresOf(place))
      await migrateMetadata(db, target)
      await close()
    },
    async runSlowStatement(place) {
      const { db, close } = openPostgresDatabase(await postgresOf(place))
      await sql.raw(SLOW_SQL).execute(db)
      await close()
    },
  },
]

const databases = new Map<string, ReturnType<typeof openPostgres>>()

/** A database of its own for each place. */
async function postgresOf(place: string) {
  const database = databases.get(place) ?? openPostgres(t)
  databases.set(place, database)
  const { url } = await database
  return { url, poolMax: 4, log: createReadableLog().log }
}

export const sqliteFile = (place: string): string => join(place, 'metadata.sqlite')

export const T0 = 1_764_000_000_000

/** A certificate whose fingerprint is made from `name`. */
export function certificate(name: string, changes: Partial<Certificate> = {}): Certificate {
  const fingerprint = Buffer.from(name).toString('hex').padEnd(64, '0')
  return { fingerprint, serial: fingerprint.slice(0, 32), notBeforeMs: T0, notAfterMs: T0 + 86_400_000, ...changes }
}

export const tenant = (id: string) => ({ id, name: `${id} BV`, createdMs: T0 })
