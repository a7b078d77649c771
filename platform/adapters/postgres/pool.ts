import type { PostgresPool } from 'kysely'
import pg from 'pg'
import { MillraceError } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/log.ts'
import { type Attempt, explainConnection } from './explain.ts'

export interface PostgresOptions {
  /** `postgres://user@host:port/database`; a password in it is used too. */
  readonly url: string
  readonly password?: string
  /** Set, the connection is TLS 1.3, and the server must prove the name by which it is called: to these roots (PEM), or to those of the system. */
  readonly tls?: { readonly caPem?: string }
  readonly poolMax: number
  readonly log: Logger
}

const CONNECT_TIMEOUT_MS = 5_000
const IDLE_TIMEOUT_MS = 30_000
/** No question of ours takes long; one that does is stuck, and holds a connection that others wait for. */
const STATEMENT_TIMEOUT_MS = 15_000
const LOCK_TIMEOUT_MS = 5_000
/** The server would have ended the statement by now, so nobody is there: its machine, or the way to it, went without a word. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 3_000
/** The type of `bigint` columns. All of ours are times and counts below 2^53. */
const INT8 = 20

/** Connections that say for whom they ask. One that has failed otherwise than by an answer of the server is never used again. */
export function createPool(options: PostgresOptions, asksFor: string): PostgresPool {
  const { password, tls, poolMax, log } = options
  const place = placeOf(options.url)
  const pool = new pg.Pool({
    ...place,
    ...(password !== undefined && { password }),
    ...(tls && { ssl: { minVersion: 'TLSv1.3', ...(tls.caPem !== undefined && { ca: tls.caPem }) } }),
    application_name: 'millrace',
    options: `-c millrace.tenant=${asksFor}`,
    max: poolMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser: (type, format) => (type === INT8 ? Number : pg.types.getTypeParser(type, format)) },
  })
  // The pool makes another. It listens to a connection only while nobody uses it; an error that nobody listens to would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'A connection to PostgreSQL was lost.'))
  pool.on('connect', (client) =>
    client.on('error', (error: Error) => log.debug({ err: error }, 'A connection to PostgreSQL broke.')),
  )
  const attempt: Attempt = { user: place.user, database: place.database }

  return {
    options: {},
    end: () => pool.end(),
    connect: async () =>
      whileAlive(
        await pool.connect().catch((cause: unknown) => {
          throw explainConnection(cause, attempt)
        }),
      ),
  }
}

/** pg hands a connection on whose last question was given up, and the next one would wait behind that for ever. */
function whileAlive(client: pg.PoolClient): pg.PoolClient {
  let death: unknown

  async function query(text: string, parameters: unknown[]) {
    if (death !== undefined) throw death
    try {
      return await client.query(text, parameters)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) death = error
      throw error
    }
  }

  const release = (isToEnd?: boolean) => client.release(isToEnd === true || death !== undefined)
  const own: Readonly<Record<string | symbol, unknown>> = { query, release }
  return new Proxy(client, { get: (target, name) => own[name] ?? Reflect.get(target, name) })
}

/** @throws {MillraceError} `config.invalid`, without the URL: it may hold a password. */
function placeOf(text: string) {
  const url = URL.parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw new MillraceError('config.invalid', 'MILLRACE_POSTGRES_URL is not of the form postgres://user@host:port/database.')
  return {
    // An IPv6 address stands in brackets there, and nowhere else.
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
  }
}
