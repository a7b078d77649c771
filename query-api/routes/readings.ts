import type { FromSchema } from 'json-schema-to-ts'
import type { TimeSeriesReader } from '../../platform/ports/time-series.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { PageLimit } from '../../schemas/api/parameters.ts'
import { readingsPage, readingsQuery, sensorParams } from '../../schemas/api/readings.ts'
import { scopeOf } from '../authenticate.ts'
import { createCursor } from '../cursor.ts'
import { linkNext } from '../page-link.ts'
import { formatInstant, parseInstant } from '../parse-instant.ts'
import { readReadings } from '../readings-page.ts'
import { knownSensor, type SensorReader } from './sensors.ts'
import type { Routes } from './type-provider.ts'

const RANGE_BY_DEFAULT_MS = 24 * 60 * 60 * 1000

/** The rest of the range: `[from, to)` in epoch milliseconds. It fixes a `to` that was left out, so that a growing series ends. */
const positionSchema = {
  type: 'array',
  minItems: 2,
  maxItems: 2,
  items: { type: 'integer', minimum: 0 },
} as const
const cursor = createCursor<FromSchema<typeof positionSchema>>(positionSchema)

export interface ReadingsRoutesOptions {
  readonly sensors: SensorReader
  readonly series: TimeSeriesReader
  readonly clock: () => number
  readonly limit: PageLimit
}

export function readingsRoutes(app: Routes, { sensors, series, clock, limit }: ReadingsRoutesOptions): void {
  const schema = {
    operationId: 'listReadings',
    tags: ['readings'],
    summary: 'Readings of one sensor, oldest first',
    description:
      'The range is half-open, [from, to), so that adjacent ranges add up. Late readings may appear in pages already read.',
    params: sensorParams,
    querystring: readingsQuery(limit),
    response: { 200: readingsPage },
  } as const

  app.get(
    '/v1/sensors/:sensor/readings',
    { schema, config: { access: 'read', answersIn: 'application/json' } },
    async (request, reply) => {
      const scope = scopeOf(request)
      const { metric: metrics, limit: rowsMax, ...asked } = request.query
      const { id: sensor } = await knownSensor(sensors, scope, request.params.sensor)
      const binding = { tenant: scope.tenant, route: 'readings', filters: [sensor, metrics, asked.from, asked.to] }
      const [fromMs = 0, toMs = 0] = asked.cursor === undefined ? rangeOf(asked, clock()) : cursor.decode(binding, asked.cursor)

      const query = { sensor, metrics, fromMs, toMs, limit: rowsMax }
      const { rows, nextFromMs } = await readReadings({ series, scope }, query, request.signal)
      const next = nextFromMs === undefined ? null : cursor.encode(binding, [nextFromMs, toMs])
      linkNext(request, reply, next)

      const head = {
        sensor,
        ...(asked.from === undefined && { from: formatInstant(fromMs) }),
        ...(asked.to === undefined && { to: formatInstant(toMs) }),
      }
      // The rows are JSON already: they were written slice by slice.
      const text = `${JSON.stringify(head).slice(0, -1)},"readings":[${rows.join(',')}],"next":${JSON.stringify(next)}}`
      return reply.type('application/json').send(text)
    },
  )
}

function rangeOf(asked: { readonly from?: string; readonly to?: string }, nowMs: number): [number, number] {
  const toMs = asked.to === undefined ? nowMs : parseInstant('to', asked.to)
  const fromMs = asked.from === undefined ? Math.max(0, toMs - RANGE_BY_DEFAULT_MS) : parseInstant('from', asked.from)
  if (fromMs < toMs) return [fromMs, toMs]
  const detail = `It must lie before \`to\`, which is ${formatInstant(toMs)}.`
  throw new MillraceError('query.invalid', `from: ${detail}`, { details: { from: detail } })
}
