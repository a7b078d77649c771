import type { FromSchema } from 'json-schema-to-ts'
import type { Sensor, SensorStore } from '../../platform/ports/metadata.ts'
import type { TenantScope } from '../../platform/ports/tenant-scope.ts'
import type { LatestOfSensor, TimeSeriesReader } from '../../platform/ports/time-series.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { PageLimit } from '../../schemas/api/parameters.ts'
import { sensorParams } from '../../schemas/api/readings.ts'
import { sensorAnswer, sensorsPage, sensorsQuery } from '../../schemas/api/sensors.ts'
import { scopeOf } from '../authenticate.ts'
import { createCursor } from '../cursor.ts'
import { latestAnswer } from '../latest-values.ts'
import { cutPage, linkNext } from '../page-link.ts'
import { formatInstant } from '../parse-instant.ts'
import type { Routes } from './type-provider.ts'

/** The last sensor of the page before. */
const positionSchema = { type: 'string' } as const
const cursor = createCursor<FromSchema<typeof positionSchema>>(positionSchema)

export type SensorReader = Pick<SensorStore, 'sensor' | 'sensors'>

export interface SensorsRoutesOptions {
  readonly sensors: SensorReader
  readonly series: TimeSeriesReader
  readonly limit: PageLimit
}

export function sensorsRoutes(app: Routes, { sensors, series, limit }: SensorsRoutesOptions): void {
  const config = { access: 'read', answersIn: 'application/json' } as const
  const listSchema = {
    operationId: 'listSensors',
    tags: ['sensors'],
    summary: 'Sensors, with the last reading of each metric',
    querystring: sensorsQuery(limit),
    response: { 200: sensorsPage },
  } as const
  const oneSchema = {
    operationId: 'getSensor',
    tags: ['sensors'],
    summary: 'One sensor, with the last reading of each metric',
    params: sensorParams,
    response: { 200: sensorAnswer },
  } as const

  app.get('/v1/sensors', { schema: listSchema, config }, async (request, reply) => {
    const scope = scopeOf(request)
    const { gateway, limit: itemsMax } = request.query
    const binding = { tenant: scope.tenant, route: 'sensors', filters: [gateway] }
    const after = request.query.cursor === undefined ? {} : { after: cursor.decode(binding, request.query.cursor) }
    const found = await sensors.sensors(scope, { limit: itemsMax + 1, ...(gateway !== undefined && { gateway }), ...after })
    const { page, last } = cutPage(found, itemsMax)
    const latest = await series.latest(
      scope,
      page.map(({ id }) => id),
      request.signal,
    )
    const latestById = new Map(latest.map((one) => [one.sensor, one]))
    const next = last === undefined ? null : cursor.encode(binding, last.id)
    linkNext(request, reply, next)
    return { sensors: page.map((sensor) => toAnswer(sensor, latestById.get(sensor.id))), next }
  })

  app.get('/v1/sensors/:sensor', { schema: oneSchema, config }, async (request) => {
    const scope = scopeOf(request)
    const sensor = await knownSensor(sensors, scope, request.params.sensor)
    const [latest] = await series.latest(scope, [sensor.id], request.signal)
    return toAnswer(sensor, latest)
  })
}

/** @throws {MillraceError} `sensor.unknown`, also for a sensor of another tenant: whether that exists is not ours to tell. */
export async function knownSensor(sensors: SensorReader, scope: TenantScope, id: string): Promise<Sensor> {
  const sensor = await sensors.sensor(scope, id)
  if (sensor === undefined) {
    throw new MillraceError(
      'sensor.unknown',
      `There is no sensor "${id}". A sensor appears once its first reading has been stored.`,
    )
  }
  return sensor
}

function toAnswer({ id, gateway, firstSeenMs }: Sensor, latest: LatestOfSensor | undefined): object {
  return { sensor: id, gateway, firstSeen: formatInstant(firstSeenMs), ...latestAnswer(latest, []) }
}
