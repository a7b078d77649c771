import { strict as assert } from 'node:assert'
import type { FastifyInstance } from 'fastify'
import type { Access } from './guard.ts'

/** A route that answers, as the router has it. */
export interface RouteEntry {
  readonly method: string
  readonly url: string
  readonly access: Access
}

/**
 * Notes every route that is added from now on.
 * A route that doesn't declare who may read it stops the start: forgetting it must not open the route to everyone.
 */
export function collectRoutes(app: FastifyInstance): readonly RouteEntry[] {
  const routes: RouteEntry[] = []
  app.addHook('onRoute', (route) => {
    // Swagger's page brings its own routes; what it shows is no secret.
    const access = route.config?.access ?? (/^\/docs($|\/)/.test(route.url) ? 'public' : undefined)
    assert(access !== undefined, `The route ${route.url} does not declare who may read it.`)
    route.config = { ...route.config, access }
    for (const method of [route.method].flat()) routes.push({ method, url: route.url, access })
  })
  return routes
}

/** Whether a path fits a route's pattern. Compares segment by segment: no expression is built from what was sent. */
export function fitsPattern(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  const isOpenEnded = wanted.at(-1) === '*'
  if (isOpenEnded ? given.length < wanted.length : given.length !== wanted.length) return false
  return wanted.every(
    (segment, index) => segment === '*' || segment === given[index] || (segment.startsWith(':') && given[index] !== ''),
  )
}
