import t, { type Test } from 'tap'
import { openSeriesReader } from '../../platform/adapters/sqlite/series/open-reader.ts'
import { openSeriesWriter } from '../../platform/adapters/sqlite/series/open-writer.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { everything, never, point, T0 } from '../contract/time-series/implementations.ts'

const acme = proveTenant('acme')

async function openReader(t: Test, options: { threads: number; waitingMax?: number }) {
  const folder = t.testdir()
  const reader = await openSeriesReader({
    ...options,
    folder,
    onDeath: (error) => t.fail('A thread ended by itself.', { error }),
  })
  t.teardown(() => reader.close())
  return { folder, reader }
}

t.test('a reader refuses more calls than may wait, says to retry, and recovers', async (t) => {
  const { reader } = await openReader(t, { threads: 1, waitingMax: 9 })
  const results = await Promise.allSettled(Array.from({ length: 15 }, () => reader.latest(acme, ['press-1'], never)))
  const refused = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason)
  t.equal(refused.length, 5)
  for (const error of refused) t.match(error, { code: 'time-series.unavailable', remedy: 'retry', message: /Retry/ })
  t.same(await reader.latest(acme, ['press-1'], never), [])
})

t.test('calls that were given up make room for others', async (t) => {
  const { reader } = await openReader(t, { threads: 1, waitingMax: 9 })
  const abort = new AbortController()
  const given = Array.from({ length: 10 }, () => reader.latest(acme, ['press-1'], abort.signal))
  abort.abort()
  t.ok((await Promise.allSettled(given)).every(({ status }) => status === 'rejected'))
  const next = await Promise.all(Array.from({ length: 10 }, () => reader.latest(acme, ['press-1'], never)))
  t.equal(next.length, 10)
})

t.test('two threads answer many callers at once, each with its own', async (t) => {
  const { folder, reader } = await openReader(t, { threads: 2 })
  const writer = openSeriesWriter({ folder })
  t.teardown(() => writer.close())
  const sensors = Array.from({ length: 200 }, (_, n) => `s${n}`)
  await writer.write(
    sensors.map((sensor, n) => point({ power_w: n }, { sensor })),
    never,
  )
  const answers = await Promise.all(sensors.map((sensor) => reader.latest(acme, [sensor], never)))
  t.same(
    answers.map(([latest]) => latest?.values[0]?.value),
    sensors.map((_, n) => n),
  )
})

t.test('a reader that is closed ends what waits and refuses what comes', async (t) => {
  const { reader } = await openReader(t, { threads: 1 })
  const waiting = Promise.allSettled(Array.from({ length: 5 }, () => reader.latest(acme, ['press-1'], never)))
  await reader.close()
  t.ok((await waiting).slice(1).every(({ status }) => status === 'rejected'))
  await t.rejects(reader.latest(acme, ['press-1'], never), { code: 'time-series.unavailable' })
})

t.test('a long range is read in slices, without holding up the event loop or other callers', async (t) => {
  const { folder, reader } = await openReader(t, { threads: 1 })
  const writer = openSeriesWriter({ folder })
  t.teardown(() => writer.close())
  const wide = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`m${n}`, n]))
  const rows = Array.from({ length: 2_000 }, (_, n) => point(wide, { timestampMs: T0 + n }))
  await writer.write(rows, never)
  const order: string[] = []
  const long = reader.range(acme, everything, never).then((page) => {
    order.push('long')
    return page
  })
  await reader.latest(acme, ['press-1'], never)
  order.push('short')
  t.same(
    (await long).map(({ timestampMs }) => timestampMs),
    rows.map(({ timestampMs }) => timestampMs),
  )
  t.same(order, ['short', 'long'])
})

t.test('a range whose wanted rows lie behind tens of thousands of others is found', async (t) => {
  const { folder, reader } = await openReader(t, { threads: 1 })
  const writer = openSeriesWriter({ folder })
  t.teardown(() => writer.close())
  const common = Array.from({ length: 110_000 }, (_, n) => point({ power_w: n }, { timestampMs: T0 + n }))
  await writer.write([...common, point({ rare: 1 }, { timestampMs: T0 + 200_000 })], never)
  const found = await reader.range(acme, { ...everything, metrics: ['rare'], limit: 1 }, never)
  t.same(
    found.map(({ timestampMs }) => timestampMs - T0),
    [200_000],
  )
})
