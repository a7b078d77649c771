import type { FastifyInstance } from 'fastify'
import type { Logger } from '../platform/runtime/log.ts'
import type { QueryApiMetrics } from './metrics.ts'

/** What a proxy calls a request whose client hung up before the answer was sent. No client ever sees it. */
const CLIENT_GONE = 499

export interface ObserveOptions {
  readonly metrics: QueryApiMetrics
  readonly log: Logger
}

/** Echoes the request id, keeps answers out of caches, and counts every answer. The log names the route, never the query: that may be personal. */
export function observe(app: FastifyInstance, { metrics, log }: ObserveOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    reply.header('cache-control', 'no-store')
  })

  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
  })
  app.addHook('onSend', async (_request, reply) => {
    // Otherwise a client would keep the connection for its next request, and the stop would wait for it.
    if (isClosing) reply.header('connection', 'close')
  })

  app.addHook('onResponse', async (request, reply) => {
    const answered = {
      route: request.routeOptions.url ?? 'unmatched',
      method: request.method,
      status: reply.raw.writableFinished ? reply.statusCode : CLIENT_GONE,
      durationMs: reply.elapsedTime,
    }
    metrics.answered(answered)
    log.debug({ requestId: request.id, ...answered }, 'Request answered.')
  })
}
