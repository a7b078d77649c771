import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type CommunicationObserver, InfluxDB, RequestTimedOutError, type SendOptions } from '@influxdata/influxdb-client'
import { MillraceError } from '../../runtime/errors.ts'
import { isLoopback } from '../../runtime/loopback.ts'
import type { Flux } from './flux.ts'
import { asUnavailable } from './unavailable.ts'

export interface InfluxAddress {
  readonly url: string
  readonly org: string
  /** Of the readings; that of the rejections is `rejectedBucket(bucket)`. */
  readonly bucket: string
  /** Root certificates, PEM; left out, those of the system. */
  readonly caPem?: string
}

export interface InfluxAccess extends InfluxAddress {
  readonly token: string
}

export type Precision = 'ms' | 'ns'

export interface InfluxClient {
  /** @param lines  Line protocol, UTF-8; not looked at any more once this has returned. Resolves once the server says that all of them are stored. @throws {HttpError} what the server answered, or the network's own error. */
  write(lines: Uint8Array, to: { readonly bucket: string; readonly precision: Precision }): Promise<void>
  /** Hands over row after row, with its columns by name. @throws {MillraceError} `time-series.unavailable`. */
  query(flux: Flux, onRow: (row: Row) => void, signal: AbortSignal): Promise<void>
  /** When the server was started, epoch seconds; undefined when it doesn't tell. @throws {MillraceError} `time-series.unavailable`. */
  startedAt(): Promise<number | undefined>
  close(): void
}

/** The client makes bytes of a text by `Buffer.from`, which takes bytes as well: a megabyte needn't become a text in between. */
interface ByteTransport {
  send(path: string, body: string | Uint8Array, options: SendOptions, callbacks: Partial<CommunicationObserver<Uint8Array>>): void
}

export type Row = (column: string) => string

export interface InfluxClientOptions {
  readonly isCompressed?: boolean
  /** 15,000 when left out. */
  readonly timeoutMs?: number
}

/** A request that takes longer is given up. */
const TIMEOUT_MS = 15_000
const SOCKETS_MAX = 16
const STARTED_TOLERANCE_S = 1
/** Below it, gzip costs more than it saves. */
const GZIP_THRESHOLD = 1_000

export const rejectedBucket = (bucket: string): string => `${bucket}_rejected`

/** @throws {MillraceError} `config.invalid` for plain HTTP to another machine. */
export function openInfluxClient(access: InfluxAccess, options: InfluxClientOptions = {}): InfluxClient {
  const { url, org, token } = access
  const agent = agentFor(access)
  const influx = new InfluxDB({ url, token, timeout: options.timeoutMs ?? TIMEOUT_MS, transportOptions: { agent } })
  const queries = influx.getQueryApi({ org })
  const transport: ByteTransport = influx.transport
  let startedAt: number | undefined

  /**
   * The client lets a request that has timed out be: its socket stays, and what of it is on its way may arrive minutes later, behind newer points. So the
   * connections are broken, all of them, because which one was its own it doesn't say; a server that is silent is silent on the others as well.
   */
  function endSilent(error: unknown): void {
    if (error instanceof RequestTimedOutError) for (const sockets of Object.values(agent.sockets)) sockets?.forEach(breakOff)
  }

  return {
    async write(lines, { bucket, precision }) {
      const path = `/api/v2/write?${new URLSearchParams({ org, bucket, precision })}`
      const sending = {
        method: 'POST',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        ...(options.isCompressed && { gzipThreshold: GZIP_THRESHOLD }),
      }
      // What the client's own writer stands on. That one keeps points in a buffer, retries them by itself, and drops them in the end.
      await new Promise<void>((resolve, reject) => {
        const error = (cause: Error): void => {
          endSilent(cause)
          reject(cause)
        }
        transport.send(path, lines, sending, { error, complete: resolve })
      })
    },

    async query(flux, onRow, signal) {
      signal.throwIfAborted()
      await new Promise<void>((resolve, reject) => {
        const ended = (): void => {
          cancel?.()
          reject(signal.reason)
        }
        let cancel: (() => void) | undefined
        let failure: Error | undefined
        signal.addEventListener('abort', ended, { once: true })
        const settle = (): void => signal.removeEventListener('abort', ended)
        queries.queryRows(flux.toString(), {
          useCancellable(cancellable) {
            cancel = () => cancellable.cancel()
          },
          next(values, table) {
            const cellOf = (column: string): string => values[table.column(column, false).index] ?? ''
            // A query that fails on its way says so in a table of its own, after a 200.
            if (table.columns.some(({ label }) => label === 'error')) failure ??= new Error(cellOf('error'))
            else onRow(cellOf)
          },
          error(error) {
            settle()
            endSilent(error)
            reject(asUnavailable(error))
          },
          complete() {
            settle()
            if (failure === undefined) resolve()
            else reject(asUnavailable(failure))
          },
        })
      })
    },

    async startedAt() {
      try {
        const text: unknown = await influx.transport.request('/metrics', undefined, {
          method: 'GET',
          headers: { accept: 'text/plain' },
        })
        const uptime = /^influxdb_uptime_seconds\S* (\S+)$/m.exec(String(text))?.[1]
        if (uptime === undefined) return undefined
        const found = Date.now() / 1000 - Number(uptime)
        // Two clocks tell it, so it is never quite the same; and no server is started twice within this time.
        if (startedAt === undefined || Math.abs(found - startedAt) > STARTED_TOLERANCE_S) startedAt = found
        return startedAt
      } catch (error) {
        endSilent(error)
        throw asUnavailable(error)
      }
    },

    close: () => agent.destroy(),
  }
}

/** A reset drops what hasn't left yet, where the end of a connection waits behind it. TLS has none; its end is behind at most what the kernel holds. */
function breakOff(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

export function agentFor({ url, caPem }: InfluxAddress): HttpAgent {
  const { protocol, hostname } = new URL(url)
  const pool = { keepAlive: true, maxSockets: SOCKETS_MAX }
  if (protocol === 'https:') return new HttpsAgent({ ...pool, minVersion: 'TLSv1.3', ...(caPem !== undefined && { ca: caPem }) })
  if (isLoopback(hostname)) return new HttpAgent(pool)
  throw new MillraceError(
    'config.invalid',
    `InfluxDB at ${url} would be spoken to without TLS. Use https://; plain http is for the loopback address only.`,
  )
}
