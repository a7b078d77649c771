import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import t from 'tap'
import { openSqliteMetadata } from '../../platform/adapters/sqlite/metadata/open.ts'
import { openSeriesWriter } from '../../platform/adapters/sqlite/series/open-writer.ts'
import type { LogRecord } from '../../platform/ports/event-log.ts'
import type { Sensor, SensorStore } from '../../platform/ports/metadata.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { encodeEnvelope } from '../../schemas/envelope.ts'
import { type Fault, REJECTION_HEADERS } from '../../schemas/rejection.ts'
import { nobodysKey } from '../../schemas/topics.ts'
import { toEntries } from '../../stream-processors/index-rejections.ts'
import { createKnownSensors } from '../../stream-processors/known-sensors.ts'
import { readPoints } from '../../stream-processors/read-points.ts'
import { keepRetention } from '../../stream-processors/retention.ts'
import { GIVEN_UP, untilGrace } from '../../stream-processors/stop-grace.ts'
import { storeRejection } from '../../stream-processors/store-rejection.ts'
import { never, point } from '../contract/time-series/implementations.ts'
import { DAY_MS, until } from './sqlite-log/open-log.ts'

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const record = (changes: Partial<LogRecord>): LogRecord => ({
  topic: 'readings.v1',
  partition: 3,
  offset: 12,
  timestampMs: 1_000,
  key: 'acme/gw-1',
  value: new Uint8Array(),
  ...changes,
})
const fault: Fault = { reason: 'store.refused', pointer: '/readings/0', detail: 'why' }

t.test(`no bytes make the reading of a record throw (seed ${seed})`, (t) => {
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(Buffer.from),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify({ readings: [value] }))),
  )
  const values = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    payloads.map((payload) => encodeEnvelope({ codec: 'json', receivedMs: 1, traceparent: '', payload })),
  )
  fc.assert(
    fc.property(values, fc.oneof(fc.constant('acme/gw-1'), fc.string()), (value, key) => {
      const points = readPoints(record({ value, key }))?.points ?? []
      for (const point of points) {
        if (typeof point.sensor !== 'string' || !Number.isSafeInteger(point.timestampMs)) return false
        if (![...point.values.values()].every((one) => typeof one === 'number')) return false
      }
      return true
    }),
    { seed, numRuns: 3_000 },
  )
  t.end()
})

t.test('a refusal of the store becomes an entry for each of its faults', (t) => {
  const faults: readonly Fault[] = [fault, { reason: 'store.sensor-limit', pointer: '/readings/7', detail: '' }]
  const { headers = {}, key, value } = storeRejection(record({}), Buffer.from('payload'), faults)
  t.match(headers, {
    [REJECTION_HEADERS.reason]: 'store.refused',
    [REJECTION_HEADERS.topic]: 'readings.v1',
    [REJECTION_HEADERS.partition]: '3',
    [REJECTION_HEADERS.offset]: '12',
    [REJECTION_HEADERS.receivedMs]: '1000',
  })
  const place = { tenant: 'acme', gateway: 'gw-1', timeMs: 1_000, stage: 'store', partition: 0, offset: 99 }
  t.same(toEntries(record({ topic: 'rejected.v1', partition: 0, offset: 99, timestampMs: 5_000, key, value, headers })), [
    { ...place, ...faults[0], fault: 0 },
    { ...place, ...faults[1], fault: 1 },
  ])
  t.end()
})

t.test('a rejected record that says nothing of use makes no entry, and no error', (t) => {
  const withFaults = (text: string) => ({ [REJECTION_HEADERS.faults]: text })
  for (const headers of [
    {},
    withFaults(''),
    withFaults('[]'),
    withFaults('{"reason":1}'),
    withFaults('[{"reason":"of another version","pointer":"","detail":""}]'),
  ])
    t.same(toEntries(record({ headers })), [])
  const nobodys = nobodysKey('v1/stranger/gw-1/readings')
  t.same(toEntries(record({ key: nobodys, headers: withFaults(JSON.stringify([fault])) })), [], 'nor one that is no tenant’s')
  t.same(toEntries(record({ key: 'nobody', headers: withFaults(JSON.stringify([fault])) })), [])
  t.match(
    toEntries(record({ headers: withFaults(JSON.stringify([fault])) })),
    [{ timeMs: 1_000, stage: 'ingest' }],
    'without a time of receipt, that of the log',
  )
  t.end()
})

t.test('a sensor is registered when it is new or has moved, and again until that has succeeded', async (t) => {
  const folder = t.testdir({ here: {}, gone: {} })
  const onDeath = (error: Error) => t.fail('a thread ended by itself', { error })
  const here = await openSqliteMetadata({ folder: join(folder, 'here'), onDeath })
  t.teardown(() => here.close())
  const gone = await openSqliteMetadata({ folder: join(folder, 'gone'), onDeath })
  await gone.close()
  for (const id of ['acme', 'bolt']) await here.addTenant({ id, name: id, createdMs: 0 })
  const asked: (readonly Sensor[])[] = []
  let store: SensorStore = here
  const known = createKnownSensors({
    recordSensors(sensors) {
      asked.push(sensors)
      return store.recordSensors(sensors)
    },
  })
  const sensor = { tenant: 'acme', id: 'press-1', gateway: 'gw-1', firstSeenMs: 1 }
  const note = ({ tenant, id, gateway, firstSeenMs }: Sensor): void => known.note({ tenant, gateway }, id, firstSeenMs)
  note(sensor)
  note({ ...sensor, firstSeenMs: 2 })
  await known.flush()
  note(sensor)
  await known.flush()
  t.same(asked, [[sensor]], 'what is known is not asked again')
  store = gone
  const moved = { ...sensor, gateway: 'gw-2' }
  note(moved)
  note({ ...sensor, tenant: 'bolt' })
  await t.rejects(known.flush(), { code: 'metadata.unavailable' })
  store = here
  await known.flush()
  t.match(await here.sensors(proveTenant('acme'), { limit: 9 }), [{ id: 'press-1', gateway: 'gw-2', firstSeenMs: 1 }])
  t.match(await here.sensors(proveTenant('bolt'), { limit: 9 }), [{ id: 'press-1', gateway: 'gw-1' }])
})

t.test('retention goes on slice by slice, survives a store that refuses, and ends with the signal', async (t) => {
  const folder = t.testdir()
  const series = openSeriesWriter({ folder })
  const spy = new DatabaseSync(join(folder, 'series.sqlite'))
  t.teardown(() => {
    spy.close()
    series.close()
  })
  const rows = () =>
    Number(spy.prepare('SELECT (SELECT count(*) FROM fresh) + (SELECT count(*) FROM reading) AS count').get()?.count)
  const oldMs = Date.now() - 3 * DAY_MS
  const points = Array.from({ length: 4_500 }, (_, at) => point({ power_w: at }, { timestampMs: oldMs + at }))
  await series.write([...points, point({ power_w: 1 }, { timestampMs: Date.now() })], never)
  spy.exec("CREATE TRIGGER stuck BEFORE DELETE ON fresh BEGIN SELECT RAISE(ABORT, 'stuck'); END")
  const slices: number[] = []
  let attempts = 0
  const retention = {
    dropBefore(timeMs: number, rowsMax: number): number {
      attempts++
      const dropped = series.dropBefore(timeMs, rowsMax)
      slices.push(dropped)
      return dropped
    },
  }
  const stop = new AbortController()
  const log = createLogger({ level: 'silent', part: 'test', isPretty: false })
  const ended = keepRetention({ retention, days: 2, log, everyMs: 1 }, stop.signal)
  await until(() => attempts > 3)
  t.equal(rows(), 4_501)
  spy.exec('DROP TRIGGER stuck')
  await until(() => rows() === 1)
  stop.abort()
  await ended
  t.same(slices.slice(0, 3), [2_000, 2_000, 500])
})

t.test('what is under way at a stop gets its grace, and no more', async (t) => {
  const stop = new AbortController()
  t.equal(await untilGrace(Promise.resolve(7), 10, stop.signal), 7)
  await t.rejects(untilGrace(Promise.reject(new Error('its own')), 10, stop.signal), { message: 'its own' })
  const late = Promise.withResolvers<number>()
  const waiting = untilGrace(late.promise, 60_000, stop.signal)
  stop.abort()
  late.resolve(8)
  t.equal(await waiting, 8)
  const failing = Promise.withResolvers<number>()
  t.equal(await untilGrace(failing.promise, 10, stop.signal), GIVEN_UP)
  failing.reject(new Error('heard by nobody, and no unhandled rejection'))
})
