import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import type { Metadata } from '../../ports/metadata.ts'
import { MillraceError } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/log.ts'
import { createMetadata } from '../metadata/metadata.ts'
import { migrateMetadata } from '../metadata/migrate.ts'
import type { Tables } from '../metadata/tables.ts'
import type { Within } from '../metadata/within.ts'

export interface PostgresOptions {
  /** `postgres://user@host:port/database`; a password in it is used too. */
  readonly url: string
  readonly password?: string
  /** Root certificates, PEM; set, the connection is TLS. */
  readonly caPem?: string
  readonly poolMax: number
  readonly log: Logger
}

const CONNECT_TIMEOUT_MS = 5_000
const IDLE_TIMEOUT_MS = 30_000
/** No question of ours takes long; one that does is stuck, and holds a connection that others wait for. */
const STATEMENT_TIMEOUT_MS = 15_000
const LOCK_TIMEOUT_MS = 5_000
/** The type of `bigint` columns. All of ours are times and counts below 2^53. */
const INT8 = 20

/** For whom a connection asks: of nobody until it says for which tenant, or of all of them. See migration 0006. */
const NOBODY = ''
const EVERYBODY = '*'

/**
 * Opens the metadata store on PostgreSQL and brings its tables up to date; of several processes that start together one does, and the
 * others wait for it. A change is durable when its promise resolves.
 *
 * @throws {MillraceError} `metadata.unavailable`, `store.newer`.
 */
export async function openPostgresMetadata(options: PostgresOptions): Promise<Metadata & { close(): Promise<void> }> {
  const share = Math.ceil(options.poolMax / 2)
  const all = openPostgresDatabase({ ...options, poolMax: share })
  const fenced = openPool({ ...options, poolMax: options.poolMax - share }, NOBODY)
  const close = async (): Promise<void> => {
    await Promise.all([all.close(), fenced.close()])
  }
  try {
    await migrateMetadata(all.db)
  } catch (error) {
    await close()
    throw error
  }
  const within: Within = ({ tenant }, work) =>
    fenced.db.transaction().execute(async (transaction) => {
      await sql`select set_config('millrace.tenant', ${tenant}, true)`.execute(transaction)
      return work(transaction)
    })
  return { ...createMetadata(all.db, within), close }
}

export interface PostgresDatabase {
  readonly db: Kysely<Tables>
  close(): Promise<void>
}

/** The database alone, as it is, asked for everybody: for migrations, and for tests that look underneath. */
export const openPostgresDatabase = (options: PostgresOptions): PostgresDatabase => openPool(options, EVERYBODY)

export function openPool({ url, password, caPem, poolMax, log }: PostgresOptions, asksFor: string): PostgresDatabase {
  const pool = new pg.Pool({
    ...connectionOf(url),
    ...(password !== undefined && { password }),
    ...(caPem !== undefined && { ssl: { ca: caPem, minVersion: 'TLSv1.3' } }),
    application_name: 'millrace',
    options: `-c millrace.tenant=${asksFor}`,
    max: poolMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser: (type, format) => (type === INT8 ? Number : pg.types.getTypeParser(type, format)) },
  })
  // The pool makes another. It listens to a connection only while nobody uses it; an error that nobody listens to would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'A connection to PostgreSQL was lost.'))
  pool.on('connect', (client) =>
    client.on('error', (error: Error) => log.debug({ err: error }, 'A connection to PostgreSQL broke.')),
  )
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return { db, close: () => db.destroy() }
}

/** @throws {MillraceError} `config.invalid`, without the URL: it may hold a password. */
function connectionOf(text: string) {
  const url = URL.parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw new MillraceError('config.invalid', 'MILLRACE_POSTGRES_URL is not of the form postgres://user@host:port/database.')
  return {
    host: url.hostname,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
  }
}
