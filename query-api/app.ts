import fastifyHelmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'
import type { EventLogReader } from '../platform/ports/event-log.ts'
import type { Metadata } from '../platform/ports/metadata.ts'
import type { RejectionReader } from '../platform/ports/rejections.ts'
import type { TimeSeriesReader } from '../platform/ports/time-series.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { MetricsRegistry } from '../platform/runtime/metrics-registry.ts'
import type { ReadinessChecks } from '../platform/runtime/readiness.ts'
import { createAuthenticator } from './authenticate.ts'
import { compileSchemas } from './compile-schemas.ts'
import type { QueryApiConfig } from './config.ts'
import { registerDocs, registerOpenApi } from './docs.ts'
import { createGuard } from './guard.ts'
import { createQueryApiMetrics } from './metrics.ts'
import { observe } from './observe.ts'
import { createRateLimits } from './rate-limit.ts'
import { answerErrors, refuseUnanswerable } from './refusals.ts'
import { collectRoutes, type RouteEntry } from './route-list.ts'
import { gatewaysRoutes } from './routes/gateways.ts'
import { healthRoutes } from './routes/health.ts'
import { latestRoutes } from './routes/latest.ts'
import { readingsRoutes } from './routes/readings.ts'
import { rejectedRoutes } from './routes/rejected.ts'
import { sensorsRoutes } from './routes/sensors.ts'
import type { SchemaTypes } from './routes/type-provider.ts'

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
  observe(app, { metrics, log })
  await app.register(fastifyHelmet, securityHeaders(config.MILLRACE_HTTP_CERT_FILE !== undefined))
  const limits = await createRateLimits(app, {
    tokenPerMinute: config.MILLRACE_HTTP_TOKEN_REQUESTS_PER_MINUTE,
    addressPerMinute: config.MILLRACE_HTTP_ADDRESS_REQUESTS_PER_MINUTE,
  })
  const authenticator = createAuthenticator(stores.metadata, clock)
  app.addHook('onRequest', createGuard({ authenticator, limits, metrics }))
  refuseUnanswerable(app, routes)
  answerErrors(app, log)
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
