import type { FromSchema } from 'json-schema-to-ts'
import type { TenantScope } from '../../platform/ports/tenant-scope.ts'
import type { TimeSeriesReader } from '../../platform/ports/time-series.ts'
import type { PageLimit } from '../../schemas/api/parameters.ts'
import { sensorParams } from '../../schemas/api/readings.ts'
import { latestOfOne, latestOfOneQuery, latestPage, latestQuery } from '../../schemas/api/sensors.ts'
import { scopeOf } from '../authenticate.ts'
import { createCursor } from '../cursor.ts'
import { latestAnswer } from '../latest-values.ts'
import { cutPage, linkNext } from '../page-link.ts'
import { knownSensor, type SensorReader } from './sensors.ts'
import type { Routes } from './type-provider.ts'

/** The last sensor of the page before. */
const positionSchema = { type: 'string' } as const
const cursor = createCursor<FromSchema<typeof positionSchema>>(positionSchema)

export interface LatestRoutesOptions {
  readonly sensors: SensorReader
  readonly series: TimeSeriesReader
  readonly limit: PageLimit
}

export function latestRoutes(app: Routes, { sensors, series, limit }: LatestRoutesOptions): void {
  const config = { access: 'read', answersIn: 'application/json' } as const
  const oneSchema = {
    operationId: 'getLatestOfSensor',
    tags: ['readings'],
    summary: 'The newest value of each metric of one sensor',
    params: sensorParams,
    querystring: latestOfOneQuery,
    response: { 200: latestOfOne },
  } as const
  const manySchema = {
    operationId: 'listLatest',
    tags: ['readings'],
    summary: 'The newest values of many sensors',
    querystring: latestQuery(limit),
    response: { 200: latestPage },
  } as const

  app.get('/v1/sensors/:sensor/latest', { schema: oneSchema, config }, async (request) => {
    const scope = scopeOf(request)
    const { id } = await knownSensor(sensors, scope, request.params.sensor)
    const [latest] = await series.latest(scope, [id], request.signal)
    return { sensor: id, ...latestAnswer(latest, request.query.metric) }
  })

  app.get('/v1/latest', { schema: manySchema, config }, async (request, reply) => {
    const scope = scopeOf(request)
    const { sensor: named, metric: metrics, limit: itemsMax, cursor: text } = request.query
    const binding = { tenant: scope.tenant, route: 'latest', filters: [named, metrics] }
    const position = text === undefined ? undefined : cursor.decode(binding, text)
    const known =
      named.length > 0
        ? await existing(sensors, scope, named)
        : await listed(sensors, scope, { limit: itemsMax + 1, after: position })

    const { page, last } = named.length > 0 ? { page: known, last: undefined } : cutPage(known, itemsMax)
    const latest = await series.latest(scope, page, request.signal)
    const latestById = new Map(latest.map((one) => [one.sensor, one]))
    const next = last === undefined ? null : cursor.encode(binding, last)
    linkNext(request, reply, next)
    return {
      sensors: page.map((id) => ({ sensor: id, ...latestAnswer(latestById.get(id), metrics) })),
      unknown: named.filter((id) => !known.includes(id)),
      next,
    }
  })
}

async function existing(sensors: SensorReader, scope: TenantScope, ids: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(ids.map((id) => sensors.sensor(scope, id)))
  return found.flatMap((sensor) => (sensor === undefined ? [] : [sensor.id]))
}

async function listed(
  sensors: SensorReader,
  scope: TenantScope,
  { limit, after }: { readonly limit: number; readonly after: string | undefined },
): Promise<readonly string[]> {
  const found = await sensors.sensors(scope, { limit, ...(after !== undefined && { after }) })
  return found.map(({ id }) => id)
}
