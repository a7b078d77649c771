import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { openSeriesReader } from '../../platform/adapters/sqlite/series/open-reader.ts'
import { openSeriesWriter, type SeriesLimits } from '../../platform/adapters/sqlite/series/open-writer.ts'
import { openSeriesDatabase } from '../../platform/adapters/sqlite/series/series-database.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { everything, never, point, T0 } from '../contract/time-series/implementations.ts'

const acme = proveTenant('acme')

async function openBoth(t: Test, limits: Partial<SeriesLimits> = {}) {
  const folder = t.testdir()
  const writer = openSeriesWriter({ folder, limits })
  const reader = await openSeriesReader({
    folder,
    threads: 1,
    onDeath: (error) => t.fail('A thread ended by itself.', { error }),
  })
  const spy = new DatabaseSync(join(folder, 'series.sqlite'))
  t.teardown(async () => {
    spy.close()
    await reader.close()
    writer.close()
  })
  const count = (sql: string) => Number(spy.prepare(sql).get()?.count)
  return { folder, writer, reader, spy, count }
}

t.test('every connection to the store flushes each commit', async (t) => {
  const folder = t.testdir()
  for (const isReadOnly of [false, true]) {
    const database = openSeriesDatabase({ folder, isReadOnly, cacheMiB: 1 })
    t.teardown(() => database.close())
    t.match(database.prepare('PRAGMA synchronous').get(), { synchronous: 2 })
    t.match(database.prepare('PRAGMA journal_mode').get(), { journal_mode: 'wal' })
    t.match(database.prepare('PRAGMA page_size').get(), { page_size: 8_192 })
  }
})

t.test('a batch that fails in its middle leaves nothing behind, and can be written again', async (t) => {
  const { writer, reader, spy } = await openBoth(t)
  await writer.write([point({ power_w: 1 })], never)
  const batch = Array.from({ length: 100 }, (_, n) =>
    point({ [`m${n % 9}`]: n, power_w: n }, { sensor: `s${n % 7}`, tenant: n % 2 ? 'acme' : 'bolt', timestampMs: T0 + n }),
  )
  spy.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON fresh WHEN NEW.ts = ${T0 + 99} BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
  await t.rejects(writer.write(batch, never), { code: 'time-series.unavailable', cause: /disk full/ })
  t.same(await reader.latest(acme, ['s1', 's3'], never), [])
  spy.exec('DROP TRIGGER full_disk')
  t.match(await writer.write(batch, never), { stored: 200, duplicates: 0, conflicts: 0, rejected: [] })
  for (const tenant of ['acme', 'bolt']) {
    const sent = batch.filter((one) => one.tenant === tenant && one.sensor === 's3')
    const rows = await reader.range(proveTenant(tenant), { ...everything, sensor: 's3' }, never)
    t.same(
      rows.map(({ values }) => values),
      sent.map(({ values }) => values),
    )
  }
})

t.test('rows leave the table of fresh ones in slices, until none is left from before', async (t) => {
  const { writer, count } = await openBoth(t, { freshRowsMax: 100, moveRowsMax: 30 })
  const write = (n: number) => writer.write([point({ power_w: n }, { timestampMs: T0 + n, sensor: `s${n % 10}` })], never)
  for (let n = 0; n < 99; n++) await write(n)
  t.equal(count('SELECT count(*) AS count FROM reading'), 0)
  await write(99)
  const moved = count('SELECT count(*) AS count FROM reading')
  t.ok(moved > 0 && moved <= 30, `${moved} rows moved at once`)
  for (let n = 100; n < 110; n++) await write(n)
  t.ok(count('SELECT count(*) AS count FROM fresh') <= 10)
  t.equal(count('SELECT count(*) AS count FROM fresh JOIN reading USING (sensor_id, ts)'), 0)
})

t.test('a sensor with more rows than a slice is moved in parts', async (t) => {
  const { writer, reader, count } = await openBoth(t, { freshRowsMax: 50, moveRowsMax: 10 })
  const batch = Array.from({ length: 49 }, (_, n) => point({ power_w: n }, { timestampMs: T0 + n }))
  await writer.write(batch, never)
  await writer.write([point({ power_w: 49 }, { timestampMs: T0 + 49 })], never)
  const moved = count('SELECT count(*) AS count FROM reading')
  t.ok(moved > 0 && moved <= 11, `${moved} rows moved at once`)
  t.equal((await reader.range(acme, everything, never)).length, 50)
})

t.test('retention deletes old rows in slices, and forgets what has no rows left', async (t) => {
  const { writer, reader, count } = await openBoth(t, { freshRowsMax: 40, moveRowsMax: 10, sensorsPerTenantMax: 3 })
  for (let n = 0; n < 60; n++) {
    const gone = n < 20 ? { gone: n } : {}
    await writer.write([point({ power_w: n, ...gone }, { timestampMs: T0 + n, sensor: n < 20 ? 'old' : `s${n % 2}` })], never)
  }
  const dropped = [1, 2, 3, 4, 5].map(() => writer.dropBefore(T0 + 30, 10))
  t.same(dropped, [10, 10, 10, 0, 0])
  t.equal(writer.dropBefore(T0 + 40, 100), 10, 'a later call looks at all sensors again')
  t.equal(count('SELECT count(*) AS count FROM sensor'), 2)
  t.match(await reader.latest(acme, ['old', 's0', 's1'], never), [{ sensor: 's0' }, { sensor: 's1' }])
  t.match(await writer.write([point({ power_w: 1 }, { sensor: 'another' })], never), { stored: 1, rejected: [] })
  t.match(await writer.write([point({ power_w: 1 }, { sensor: 'one-too-many' })], never), { stored: 0, rejected: [{ index: 0 }] })
})

t.test('a store written by a newer version is not touched', async (t) => {
  const { folder, spy } = await openBoth(t)
  spy.exec('PRAGMA user_version=99')
  t.throws(() => openSeriesWriter({ folder }), { code: 'store.newer' })
  await t.rejects(openSeriesReader({ folder, onDeath: () => t.fail('The thread must not die of it.') }), { code: 'store.newer' })
})

t.test('a folder that is not there is reported', async (t) => {
  const folder = join(t.testdir(), 'nowhere')
  t.throws(() => openSeriesWriter({ folder }), { code: 'time-series.unavailable' })
  await t.rejects(openSeriesReader({ folder, onDeath: () => t.fail('The thread must not die of it.') }), {
    code: 'time-series.unavailable',
  })
})
