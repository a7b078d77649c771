import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { FastifyHttpOptions, FastifyReply, FastifyRequest } from 'fastify'
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type ProblemKind } from '../schemas/api/problem.ts'
import type { QueryApiConfig } from './config.ts'
import { problemBody, problemOf, sendProblem } from './problem.ts'
import { requestIdOf } from './request-id.ts'
import type { TlsFiles } from './tls-files.ts'

export const URL_CHARACTERS_MAX = 16_384
const HEADERS_BYTES_MAX = 32_768
/** Time from the first byte of a request to its last. */
const REQUEST_TIMEOUT_MS = 10_000
/** Longer than the minute that balancers keep a connection, so that the balancer is the one to close it. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000
/** A connection without a byte either way is ended this much after the longest wait that is in order. */
const SILENCE_EXTRA_MS = 10_000
/** Names are at most 128 characters; a bit more, so that a wrong one is told why. */
const NAME_CHARACTERS_MAX = 256
const CONNECTIONS_CHECK_MS = 2_000

/** Everything that has a limit at the level of HTTP. @param tls  Undefined for plain HTTP. */
export function serverOptions(config: QueryApiConfig, tls: TlsFiles | undefined): FastifyHttpOptions<Server> {
  const answerMs = config.MILLRACE_HTTP_ANSWER_TIMEOUT_MS
  return {
    logger: false,
    genReqId: requestIdOf,
    requestIdHeader: false,
    handlerTimeout: answerMs,
    bodyLimit: 1,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: NAME_CHARACTERS_MAX, caseSensitive: true, ignoreTrailingSlash: false },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      // These are answered before any hook runs.
      reply.headers({ 'x-request-id': request.id, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
      sendProblem(problemOf(error), request, reply)
    },
    serverFactory: (handler) =>
      createNodeServer(handler, { tls, answerMs, connectionsMax: config.MILLRACE_HTTP_CONNECTIONS_MAX }),
  }
}

interface NodeServerOptions {
  readonly tls: TlsFiles | undefined
  readonly answerMs: number
  readonly connectionsMax: number
}

function createNodeServer(handler: RequestListener, { tls, answerMs, connectionsMax }: NodeServerOptions): Server {
  const limits = {
    maxHeaderSize: HEADERS_BYTES_MAX,
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
  }
  const server =
    tls === undefined
      ? createServer(limits, handler)
      : createTlsServer({ ...limits, ...tls, minVersion: 'TLSv1.3', handshakeTimeout: REQUEST_TIMEOUT_MS }, handler)
  server.setTimeout(Math.max(answerMs, KEEP_ALIVE_TIMEOUT_MS) + SILENCE_EXTRA_MS)
  server.maxConnections = connectionsMax
  return server
}

const KIND_BY_CLIENT_ERROR: ReadonlyMap<string, ProblemKind> = new Map([
  ['HPE_HEADER_OVERFLOW', 'request.too-large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request.timeout'],
])

/** What could not even be parsed: there is no request to answer to, so the answer is written by hand, and the connection ends. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const kind = KIND_BY_CLIENT_ERROR.get(error.code ?? '') ?? 'request.malformed'
  const { status, help } = PROBLEMS[kind]
  const requestId = requestIdOf({ headers: {} })
  const body = JSON.stringify(problemBody({ kind, detail: help, headers: {} }, requestId))
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${requestId}`,
      'Cache-Control: no-store',
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
