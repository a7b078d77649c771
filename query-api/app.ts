import { strict as assert } from 'node:assert'
import fastifyHelmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'
import type { EventLogReader } from '../platform/ports/event-log.ts'
import type { Metadata } from '../platform/ports/metadata.ts'
import type { RejectionReader } from '../platform/ports/rejections.ts'
import type { TimeSeriesReader } from '../platform/ports/time-series.ts'
import { MillraceError } from '../platform/runtime/errors.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { MetricsRegistry } from '../platform/runtime/metrics-registry.ts'
import { createAuthenticator } from './authenticate.ts'
import { compileSchemas } from './compile-schemas.ts'
import type { QueryApiConfig } from './config.ts'
import { registerDocs, registerOpenApi } from './docs.ts'
import { type Access, createGuard } from './guard.ts'
import { createQueryApiMetrics } from './metrics.ts'
import { observe } from './observe.ts'
import { problemOf, sendProblem } from './problem.ts'
import { createRateLimits } from './rate-limit.ts'
import type { ReadinessChecks } from './readiness.ts'
import { gatewaysRoutes } from './routes/gateways.ts'
import { healthRoutes } from './routes/health.ts'
import { latestRoutes } from './routes/latest.ts'
import { readingsRoutes } from './routes/readings.ts'
import { rejectedRoutes } from './routes/rejected.ts'
import { sensorsRoutes } from './routes/sensors.ts'
import type { SchemaTypes } from './routes/type-provider.ts'
import { URL_CHARACTERS_MAX } from './server.ts'

const READINGS_PAGE_DEFAULT = 1_000
const LIST_PAGE_DEFAULT = 100
const STRICT_TRANSPORT_SECONDS = 31_536_000

/** What the API reads from. */
export interface QueryApiStores {
  readonly series: TimeSeriesReader
  readonly rejections: RejectionReader
  readonly metadata: Pick<Metadata, 'sensor' | 'sensors' | 'gateway' | 'gateways' | 'tokenByHash'>
  readonly eventLog: Pick<EventLogReader, 'read'>
}

/** How the API behaves, and what it needs from the process around it. */
export interface QueryApiSettings {
  readonly config: QueryApiConfig
  /** The version of the product, for the OpenAPI document. */
  readonly version: string
  /** What `/readyz` asks, by the name it shows. */
  readonly checks: ReadinessChecks
  readonly clock: () => number
  readonly log: Logger
  readonly registry: MetricsRegistry
}

/** A route that answers, as the router has it. */
export interface RouteEntry {
  readonly method: string
  readonly url: string
  readonly access: Access
}

/**
 * Puts the API together on an app that doesn't listen yet.
 *
 * @returns its routes, filled once the app is ready. A route that declares no access makes the app fail to start.
 */
export async function buildApp(
  app: FastifyInstance,
  stores: QueryApiStores,
  settings: QueryApiSettings,
): Promise<readonly RouteEntry[]> {
  const { config, clock, log, registry, version } = settings
  const routes = collectRoutes(app)
  const metrics = createQueryApiMetrics(registry)
  compileSchemas(app)
  refuseBodies(app)
  observe(app, { metrics, log })
  await app.register(fastifyHelmet, securityHeaders(config.MILLRACE_HTTP_CERT_FILE !== undefined))
  const limits = await createRateLimits(app, {
    tokenPerMinute: config.MILLRACE_HTTP_TOKEN_REQUESTS_PER_MINUTE,
    addressPerMinute: config.MILLRACE_HTTP_ADDRESS_REQUESTS_PER_MINUTE,
  })
  const authenticator = createAuthenticator(stores.metadata, clock)
  app.addHook('onRequest', async ({ url }) => {
    if (url.length > URL_CHARACTERS_MAX)
      throw new MillraceError('url.too-long', `The address has more than ${URL_CHARACTERS_MAX} characters.`)
  })
  app.addHook('onRequest', createGuard({ authenticator, limits, metrics }))
  answerErrors(app, { routes, log })
  await registerOpenApi(app, version)
  await registerDocs(app)
  await app.register(async (scoped) => addRoutes(scoped, stores, settings))
  return routes
}

function addRoutes(
  app: FastifyInstance,
  { series, rejections, metadata, eventLog }: QueryApiStores,
  settings: QueryApiSettings,
): void {
  const { config, clock, checks } = settings
  const routes = app.withTypeProvider<SchemaTypes>()
  const limit = pageLimit(LIST_PAGE_DEFAULT, config.MILLRACE_HTTP_LIST_PAGE_MAX)
  const readingsLimit = pageLimit(READINGS_PAGE_DEFAULT, config.MILLRACE_HTTP_READINGS_PAGE_MAX)
  sensorsRoutes(routes, { sensors: metadata, series, limit })
  readingsRoutes(routes, { sensors: metadata, series, clock, limit: readingsLimit })
  latestRoutes(routes, { sensors: metadata, series, limit })
  gatewaysRoutes(routes, { gateways: metadata, clock, limit })
  rejectedRoutes(routes, { rejections, originals: eventLog, clock, limit })
  healthRoutes(routes, { checks })
}

const pageLimit = (byDefault: number, max: number) => ({ byDefault: Math.min(byDefault, max), max })

function collectRoutes(app: FastifyInstance): readonly RouteEntry[] {
  const routes: RouteEntry[] = []
  app.addHook('onRoute', (route) => {
    // Swagger's page brings its own routes; what it shows is no secret.
    const access = route.config?.access ?? (route.url.startsWith('/docs') ? 'public' : undefined)
    assert(access !== undefined, `The route ${route.url} does not declare who may read it.`)
    route.config = { ...route.config, access }
    for (const method of [route.method].flat()) routes.push({ method, url: route.url, access })
  })
  return routes
}

/** Only GET and HEAD exist, so a body has no meaning here, whatever its type says it is. */
function refuseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
}

function answerErrors(
  app: FastifyInstance,
  { routes, log }: { readonly routes: readonly RouteEntry[]; readonly log: Logger },
): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    const isGone = request.raw.destroyed && reply.raw.destroyed
    const context = { requestId: request.id, route: request.routeOptions.url }
    if (problem.kind === 'internal.error') log.error({ ...context, err: error }, 'A request failed.')
    if (problem.kind === 'service.unavailable' && !isGone)
      log.warn({ ...context, err: error }, 'A request was refused because a store is away.')
    return sendProblem(problem, request, reply)
  })
  app.setNotFoundHandler((request) => {
    const path = request.url.split('?')[0] ?? ''
    if (routes.some(({ url }) => matches(url, path)) && request.method !== 'GET' && request.method !== 'HEAD') {
      throw new MillraceError('method.refused', 'The API can only be read: use GET or HEAD.')
    }
    throw new MillraceError('route.unknown', 'There is nothing at this address. The routes are listed at /v1/openapi.json.')
  })
}

/** Whether a path fits a route's pattern. Compares segment by segment: no expression is built from what was sent. */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  const isOpenEnded = wanted.at(-1) === '*'
  if (isOpenEnded ? given.length < wanted.length : given.length !== wanted.length) return false
  return wanted.every(
    (segment, index) => segment === '*' || segment === given[index] || (segment.startsWith(':') && given[index] !== ''),
  )
}

function securityHeaders(isTls: boolean) {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
    },
    strictTransportSecurity: isTls ? { maxAge: STRICT_TRANSPORT_SECONDS, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
  } as const
}
