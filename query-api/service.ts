import { setTimeout } from 'node:timers/promises'
import { type FastifyInstance, fastify } from 'fastify'
import { MillraceError } from '../platform/runtime/errors.ts'
import type { Running } from '../platform/runtime/lifecycle.ts'
import { urlHost } from '../platform/runtime/loopback.ts'
import { buildApp, type QueryApiSettings, type QueryApiStores } from './app.ts'
import type { RouteEntry } from './route-list.ts'
import { serverOptions } from './server.ts'
import { readTls } from './tls-files.ts'

export type { ReadinessChecks } from '../platform/runtime/readiness.ts'
// What the composition root needs to call `startQueryApi`; it looks into no other file of this part.
export type { QueryApiSettings, QueryApiStores } from './app.ts'

/** How long requests under way may go on once the API is stopped. */
const STOP_GRACE_MS = 4_000

export interface QueryApi extends Running {
  /** Where it listens, without a slash at the end. */
  readonly url: string
  readonly routes: readonly RouteEntry[]
}

/**
 * Starts the query API: reads the stores, answers over HTTP.
 *
 * With a certificate it speaks TLS 1.3 only; without one plain HTTP, on a loopback address only. `stop()` takes no new requests, lets
 * those under way finish for some seconds, and then cuts them off.
 *
 * @throws {MillraceError} `config.invalid` - it would have to listen unencrypted, or the certificate is of no use;
 *   `listener.unavailable` - the address or port is taken.
 */
export async function startQueryApi(stores: QueryApiStores, settings: QueryApiSettings): Promise<QueryApi> {
  const { config } = settings
  const { MILLRACE_HTTP_HOST: host, MILLRACE_HTTP_PORT: port } = config
  const tls = readTls(config)
  const app = fastify(serverOptions(config, tls))
  const routes = await buildApp(app, stores, settings)
  const boundPort = await listen(app, { host, port })

  return {
    name: 'query API',
    url: `${tls === undefined ? 'http' : 'https'}://${urlHost(host)}:${boundPort}`,
    routes,
    stop: () => close(app),
  }
}

async function listen(app: FastifyInstance, { host, port }: { readonly host: string; readonly port: number }): Promise<number> {
  await app.ready()
  try {
    await app.listen({ host, port })
  } catch (cause) {
    await app.close()
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError(
      'listener.unavailable',
      `The API can not listen on ${host}:${port}: ${why}. Is another program there? Set MILLRACE_HTTP_PORT.`,
      { cause },
    )
  }
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

async function close(app: FastifyInstance): Promise<void> {
  const grace = new AbortController()
  const expiry = setTimeout(STOP_GRACE_MS, undefined, { signal: grace.signal }).then(
    () => app.server.closeAllConnections(),
    () => undefined,
  )
  await app.close()
  grace.abort()
  await expiry
}
