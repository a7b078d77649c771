import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { setTimeout } from 'node:timers/promises'
import type { Registry } from 'prom-client'
import { MillraceError } from './errors.ts'
import type { Running } from './lifecycle.ts'
import { hostOf, isLoopback, urlHost } from './loopback.ts'
import { type MetricsSnapshot, mergeMetrics, snapshotMetrics } from './metrics-registry.ts'
import { CHECK_TIMEOUT_MS, createReadiness, type Readiness, type ReadinessChecks } from './readiness.ts'

/** A scrape that takes longer is given up: a thread that doesn't answer must show as a failed scrape, not as old figures. */
const GATHER_TIMEOUT_MS = 3_000
const REQUEST_TIMEOUT_MS = 5_000
const CONNECTIONS_MAX = 20
const TEXT = 'text/plain; charset=utf-8'

export interface TlsFilesNamed {
  readonly certFile: string
  readonly keyFile: string
}

export interface MetricsServerOptions {
  /** The metrics of this thread. */
  readonly registry: Registry
  /** 0 takes a free one. */
  readonly port: number
  /** `127.0.0.1` when left out. */
  readonly host?: string
  /** Where another machine may ask. */
  readonly tls?: TlsFilesNamed
  /** The metrics of the other threads, asked for at each scrape. */
  readonly gather?: () => Promise<readonly MetricsSnapshot[]>
  /** What /readyz asks. */
  readonly checks?: ReadinessChecks
}

export interface MetricsConfig {
  readonly MILLRACE_METRICS_HOST: string
  readonly MILLRACE_METRICS_PORT: number
  readonly MILLRACE_METRICS_CERT_FILE?: string
  readonly MILLRACE_METRICS_KEY_FILE?: string
}

export function metricsOptions(config: MetricsConfig): Pick<MetricsServerOptions, 'host' | 'port' | 'tls'> {
  const { MILLRACE_METRICS_CERT_FILE: certFile, MILLRACE_METRICS_KEY_FILE: keyFile } = config
  const place = { host: config.MILLRACE_METRICS_HOST, port: config.MILLRACE_METRICS_PORT }
  return certFile === undefined || keyFile === undefined ? place : { ...place, tls: { certFile, keyFile } }
}

/**
 * Serves `GET /metrics` in Prometheus' text format, `/healthz` and `/readyz`. It asks nobody who he is, and nothing that it says is
 * about a person. Plain HTTP is for this machine only; elsewhere it speaks TLS 1.3.
 *
 * @throws {MillraceError} `config.invalid` when others could listen in, or a file is of no use; `listener.unavailable` when the port is taken.
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<Running & { readonly url: string }> {
  const { port, host = '127.0.0.1', tls, checks = {} } = options
  if (tls === undefined && !isLoopback(host)) {
    throw new MillraceError(
      'config.invalid',
      `Metrics would be served on ${host} unencrypted. Set MILLRACE_METRICS_CERT_FILE and MILLRACE_METRICS_KEY_FILE, or MILLRACE_METRICS_HOST=127.0.0.1.`,
    )
  }
  const surroundings = { ...options, readiness: createReadiness(checks, CHECK_TIMEOUT_MS) }
  const server = openServer(tls, (request, response) => void respond(request, response, surroundings))
  server.maxConnections = CONNECTIONS_MAX
  const url = `${tls === undefined ? 'http' : 'https'}://${urlHost(host)}:${await listen(server, { host, port })}/metrics`

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

function openServer(
  tls: TlsFilesNamed | undefined,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const timeouts = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }
  if (tls === undefined) return createServer(timeouts, answer)
  try {
    const files = { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) }
    return createTlsServer({ ...timeouts, ...files, minVersion: 'TLSv1.3' }, answer)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('config.invalid', `Metrics can not be served with ${tls.certFile} and ${tls.keyFile}: ${why}.`, {
      cause,
    })
  }
}

interface Surroundings extends MetricsServerOptions {
  readonly readiness: () => Promise<Readiness>
}

async function respond(request: IncomingMessage, response: ServerResponse, options: Surroundings): Promise<void> {
  // A web page can make a browser ask loopback under a name of the page's own; the name gives it away.
  if (options.tls === undefined && !isLoopback(hostOf(request.headers.host ?? '')))
    return end(response, 421, 'Ask for a loopback address.\n')
  const path = request.url?.split('?')[0] ?? ''
  if (!PATHS.has(path)) return end(response, 404, 'The metrics are at /metrics; /healthz and /readyz tell how it is.\n')
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return end(response, 405, 'Use GET.\n')
  }
  const answer = await answerFor(path, options)
  end(response, answer.status, request.method === 'HEAD' ? '' : answer.body, answer.contentType)
}

const PATHS: ReadonlySet<string> = new Set(['/metrics', '/healthz', '/readyz'])

async function answerFor(path: string, options: Surroundings) {
  if (path === '/healthz') return { status: 200, body: 'ok\n', contentType: TEXT }
  if (path === '/readyz') {
    const readiness = await options.readiness()
    const status = readiness.status === 'ready' ? 200 : 503
    return { status, body: `${JSON.stringify(readiness)}\n`, contentType: 'application/json' }
  }
  try {
    return { status: 200, body: await collect(options), contentType: options.registry.contentType }
  } catch {
    return { status: 503, body: 'A thread did not hand over its metrics.\n', contentType: TEXT }
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
