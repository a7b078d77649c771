import { fastify } from 'fastify'
import { createLogger } from '../../platform/runtime/log.ts'
import { createThreadRegistry } from '../../platform/runtime/metrics-registry.ts'
import { buildApp, type QueryApiStores } from '../../query-api/app.ts'
import { type QueryApiConfig, queryApiConfig } from '../../query-api/config.ts'
import type { RouteEntry } from '../../query-api/route-list.ts'
import { serverOptions } from '../../query-api/server.ts'
import { compileForText } from '../../schemas/compile.ts'

/** Nothing is asked of the API while it describes itself. */
function unasked(): never {
  throw new Error('The reference is made without stores.')
}

const STORES: QueryApiStores = {
  series: { range: unasked, latest: unasked },
  rejections: { rejections: unasked, rejection: unasked },
  metadata: { sensor: unasked, sensors: unasked, gateway: unasked, gateways: unasked, tokenByHash: unasked },
  eventLog: { read: unasked },
}

export interface ApiDescription {
  /** The OpenAPI document. */
  readonly document: unknown
  /** Who may read each route: a scope of tokens, or everybody. */
  readonly routes: readonly RouteEntry[]
}

/** The query API as it describes itself; nothing listens. */
export async function describeApi(): Promise<ApiDescription> {
  const config: unknown = {}
  const validate = compileForText<QueryApiConfig>(queryApiConfig)
  if (!validate(config)) throw new Error('The defaults of the query API are not valid.')
  const app = fastify(serverOptions(config, undefined))
  const routes = await buildApp(app, STORES, {
    config,
    version: '0.0.0',
    checks: {},
    clock: () => 0,
    log: createLogger({ level: 'silent', part: 'docs', isPretty: false }),
    registry: createThreadRegistry(),
  })
  await app.ready()
  const document = app.swagger()
  await app.close()
  return { document, routes }
}
