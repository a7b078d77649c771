import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import type { Registry } from 'prom-client'
import { MillraceError } from './errors.ts'
import type { Running } from './lifecycle.ts'
import { hostOf, isLoopback, urlHost } from './loopback.ts'
import { type MetricsSnapshot, mergeMetrics, snapshotMetrics } from './metrics-registry.ts'

/** A scrape that takes longer is given up: a thread that doesn't answer must show as a failed scrape, not as old figures. */
const GATHER_TIMEOUT_MS = 3_000
const REQUEST_TIMEOUT_MS = 5_000
const CONNECTIONS_MAX = 20
const TEXT = 'text/plain; charset=utf-8'

export interface MetricsServerOptions {
  /** The metrics of this thread. */
  readonly registry: Registry
  /** 0 takes a free one. */
  readonly port: number
  /** A loopback address; `127.0.0.1` when left out. */
  readonly host?: string
  /** The metrics of the other threads, asked for at each scrape. */
  readonly gather?: () => Promise<readonly MetricsSnapshot[]>
}

/**
 * Serves `GET /metrics` in Prometheus' text format, to this machine only: it speaks plain HTTP and asks nobody who he is.
 *
 * @throws {MillraceError} `config.invalid` when `host` isn't a loopback address, `listener.unavailable` when the port is taken.
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<Running & { readonly url: string }> {
  const { port, host = '127.0.0.1' } = options
  if (!isLoopback(host)) {
    throw new MillraceError(
      'config.invalid',
      `Metrics are served on a loopback address only, not on ${host}. Set it to 127.0.0.1, or leave it out.`,
    )
  }
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void respond(request, response, options)
  })
  server.maxConnections = CONNECTIONS_MAX
  const url = `http://${urlHost(host)}:${await listen(server, { host, port })}/metrics`

  return {
    name: 'metrics server',
    url,
    stop() {
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

async function respond(request: IncomingMessage, response: ServerResponse, options: MetricsServerOptions): Promise<void> {
  // A web page can make a browser ask loopback under a name of the page's own; the name gives it away.
  if (!isLoopback(hostOf(request.headers.host ?? ''))) return end(response, 421, 'Ask for a loopback address.\n')
  if (request.url?.split('?')[0] !== '/metrics') return end(response, 404, 'The metrics are at /metrics.\n')
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return end(response, 405, 'Use GET.\n')
  }
  try {
    const text = await collect(options)
    end(response, 200, request.method === 'HEAD' ? '' : text, options.registry.contentType)
  } catch {
    end(response, 503, 'A thread did not hand over its metrics.\n')
  }
}

async function collect({ registry, gather }: MetricsServerOptions): Promise<string> {
  if (gather === undefined) return registry.metrics()
  const timer = new AbortController()
  const expiry = setTimeout(GATHER_TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error('The threads did not answer in time.')
  })
  try {
    const [own, others] = await Promise.race([Promise.all([snapshotMetrics(registry), gather()]), expiry])
    return await mergeMetrics([own, ...others])
  } finally {
    expiry.catch(() => undefined)
    timer.abort()
  }
}

function end(response: ServerResponse, status: number, body: string, contentType = TEXT): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  response.end(body)
}

function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new MillraceError('listener.unavailable', `Metrics can not be served on ${host}:${port}: ${cause.message}.`, { cause }),
      ),
    )
    server.listen({ host, port }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
