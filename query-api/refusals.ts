import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../platform/runtime/errors.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { problemOf, sendProblem } from './problem.ts'
import { fitsPattern, type RouteEntry } from './route-list.ts'
import { URL_CHARACTERS_MAX } from './server.ts'

/**
 * Refuses what has no answer, before anything is read of the body: only GET and HEAD exist, so a body has no meaning here,
 * whatever its type says it is. Register it behind the guard, so that a flood of such requests is counted.
 */
export function refuseUnanswerable(app: FastifyInstance, routes: readonly RouteEntry[]): void {
  app.removeAllContentTypeParsers()
  app.addHook('onRequest', async (request) => {
    if (request.url.length > URL_CHARACTERS_MAX) {
      throw new MillraceError('url.too-long', `The address has more than ${URL_CHARACTERS_MAX} characters.`)
    }
    if (!request.is404) return
    const path = request.url.split('?')[0] ?? ''
    if (request.method !== 'GET' && request.method !== 'HEAD' && routes.some(({ url }) => fitsPattern(url, path))) {
      throw new MillraceError('method.refused', 'The API can only be read: use GET or HEAD.')
    }
    throw nothingThere()
  })
  // For what a plugin hands on as not found, e.g. a file that isn't there.
  app.setNotFoundHandler((request, reply) => sendProblem(problemOf(nothingThere()), request, reply))
}

const nothingThere = () =>
  new MillraceError('route.unknown', 'There is nothing at this address. The routes are listed at /v1/openapi.json.')

/** Turns every error into a problem, and logs those that a person must look at. */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    const context = { requestId: request.id, route: request.routeOptions.url }
    if (problem.kind === 'internal.error') log.error({ ...context, err: error }, 'A request failed.')
    if (problem.kind === 'service.unavailable' && !request.signal.aborted) {
      log.warn({ ...context, err: error }, 'A request was refused because a store is away.')
    }
    return sendProblem(problem, request, reply)
  })
}
