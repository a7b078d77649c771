// Goal: what only InfluxDB can get wrong: injection, names that it keeps for itself, partial writes, tokens, and its silences.
// Method: a real server. Where it must be away or hang, a server or a proxy of this test's own.
import t from 'tap'
import { openInfluxClient } from '../../platform/adapters/influx/client.ts'
import { ensureBuckets, isTokenKnown, makeToken } from '../../platform/adapters/influx/ensure.ts'
import { flux } from '../../platform/adapters/influx/flux.ts'
import { openInfluxReader } from '../../platform/adapters/influx/open-reader.ts'
import { openInfluxWriter } from '../../platform/adapters/influx/open-writer.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { needsService } from '../services.ts'
import { firstOf, fresh, openWorld } from './influx/world.ts'
import { everything, never, point, T0 } from './time-series/implementations.ts'
import { quiet } from './time-series/influx.ts'

const acme = proveTenant('acme')

/** Texts that mean something to Flux, to line protocol, or to whoever forgets to escape. */
const CORPUS = [
  'press-1") |> yield()',
  'press-1" or true) //',
  'press-1" or r.tenant == "bolt")',
  `$\{r.tenant}`,
  '\\") or true) |> yield(name: "x") //',
  'x"\n|> to(bucket: "y")',
  'import "http"',
  '/.*/',
  '"',
  '\\',
  '\u0000',
  '{"a": 1}',
  "' or 1=1 --",
  '水🏭"',
]

t.setTimeout(120_000)

t.test('InfluxDB', { skip: needsService('influx') }, async (t) => {
  t.test('a name that is Flux finds nothing, and says nothing of others', async (t) => {
    const { writer, reader } = await openWorld(t)
    await writer.write([point({ power_w: 1 }), point({ secret: 2 }, { tenant: 'bolt' })], never)
    for (const sensor of CORPUS) {
      const found = await reader.range(acme, { ...everything, sensor }, never)
      t.same(found, [], `range of ${JSON.stringify(sensor)}`)
      t.same(await reader.latest(acme, [sensor], never), [], `latest of ${JSON.stringify(sensor)}`)
      const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 10 }
      t.same(await reader.rejections(acme, { ...all, gateway: sensor, reason: sensor }, never), [])
      await t.rejects(reader.range(acme, { ...everything, metrics: [sensor] }, never), TypeError, 'a metric is checked')
      t.match(await writer.write([point({ power_w: 1 }, { sensor })], never), { rejected: [{ reason: 'store.refused' }] })
      t.match(await writer.write([point({ [sensor]: 1 })], never), { rejected: [{ reason: 'store.refused' }] })
      const hostile = proveTenant(sensor)
      t.same(await reader.range(hostile, everything, never), [], 'not even a tenant of that name')
    }
  })

  t.test('whatever is put into a query comes out of it as it went in', async (t) => {
    const { cells } = await openWorld(t)
    const [cell] = cells
    if (cell === undefined) throw new Error('no cell')
    const client = openInfluxClient(cell)
    t.teardown(() => client.close())
    for (const text of CORPUS.filter((one) => one !== '\u0000')) {
      const found: string[] = []
      await client.query(flux`import "array" array.from(rows: [{v: ${text}}])`, (row) => found.push(row('v')), never)
      // Its CSV ends every line with CRLF, also within a value.
      t.same(found, [text.replaceAll('\n', '\r\n')])
    }
    t.throws(() => flux`${'\u0000'}`, TypeError)
    t.throws(() => flux`${0.5}`, TypeError)
  })

  t.test('metrics that are called as InfluxDB calls its own are kept like others', async (t) => {
    const { writer, reader } = await openWorld(t)
    const odd = { time: 1, tenant: 2, sensor: 3, field: 4, value: 5, received: 6 }
    await writer.write([point(odd, { quality: 'estimated' })], never)
    const [row] = await reader.range(acme, everything, never)
    t.same(Object.fromEntries(row?.values ?? []), odd)
    t.equal(row?.qualities?.size, 6)
    for (const [metric, value] of Object.entries(odd)) {
      const rows = await reader.range(acme, { ...everything, metrics: [metric] }, never)
      t.same(rows[0]?.values, new Map([[metric, value]]))
    }
    const [latest] = await reader.latest(acme, ['press-1'], never)
    t.equal(latest?.values.length, 6)
  })

  t.test('a value that is corrected loses its bad quality, and its neighbours keep theirs', async (t) => {
    const { writer, reader } = await openWorld(t)
    await writer.write([point({ power_w: 1, energy_wh: 1 }, { quality: 'bad' })], never)
    await writer.write([point({ power_w: 2 }, { receivedMs: T0 + 900 })], never)
    const [row] = await reader.range(acme, everything, never)
    t.same(row?.qualities, new Map([['energy_wh', 'bad']]))
    t.match(await reader.latest(acme, ['press-1'], never), [
      {
        values: [
          { metric: 'energy_wh', quality: 'bad' },
          { metric: 'power_w', value: 2, quality: undefined },
        ],
      },
    ])
  })

  t.test('a reading of two hundred metrics, and a tenant that never groups them alike', async (t) => {
    const { writer, reader } = await openWorld(t)
    const wide = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`m${n}`, n]))
    await writer.write([point(wide, { sequence: 7 })], never)
    const odd = Array.from({ length: 400 }, (_, n) =>
      point({ [`m${n % 200}`]: n, [`m${(n * 7 + 1) % 200}`]: n }, { timestampMs: T0 + 1 + n }),
    )
    t.match(await writer.write(odd, never), { rejected: [] })
    const rows = await reader.range(acme, everything, never)
    t.same(Object.fromEntries(rows[0]?.values ?? []), wide)
    t.equal(rows[0]?.sequence, 7)
    t.equal(rows.length, 401)
  })

  t.test('lines that somebody made impossible are found among thousands, and nothing else is refused', async (t) => {
    const { writer, reader, write, cells } = await openWorld(t)
    const [cell] = cells
    t.equal((await write(cell?.bucket ?? '', `reading,sensor=press-1,tenant=acme odd="text" ${T0 - 5}`)).status, 204)
    const batch = Array.from({ length: 6_000 }, (_, n) =>
      point({ [n % 2_000 === 7 ? 'odd' : 'power_w']: n }, { timestampMs: T0 + n }),
    )
    const outcome = await writer.write(batch, never)
    t.same(
      outcome.rejected.map(({ index }) => index),
      [7, 2_007, 4_007],
    )
    t.match(outcome.rejected[0]?.detail, /type/)
    t.equal(outcome.stored, 5_997)
    t.equal((await reader.range(acme, { ...everything, metrics: ['power_w'] }, never)).length, 5_997)
  })

  t.test('thousands of points past the retention are one answer', async (t) => {
    const { writer, cells, server } = await openWorld(t)
    const bucket = fresh()
    await ensureBuckets({ ...server, bucket }, { readingsDays: 2, rejectedDays: 2 })
    const short = openInfluxWriter({ cell: { ...server, name: 'short', bucket }, log: quiet })
    t.teardown(() => short.close())
    const old = Array.from({ length: 4_000 }, (_, n) => point({ power_w: n }, { timestampMs: T0 + n }))
    const startMs = performance.now()
    t.equal((await short.write(old, never)).rejected.length, 4_000)
    t.ok(performance.now() - startMs < 5_000)
    t.ok(writer && cells)
  })

  t.test('a reader can not write, and a writer has no other buckets', async (t) => {
    const { server, cells, places } = await openWorld(t)
    const [cell] = cells
    if (cell === undefined) throw new Error('no cell')
    const [reading, writing] = [await makeToken(cell, 'read'), await makeToken(cell, 'write')]
    for (const token of [reading, writing]) t.ok(await isTokenKnown({ ...cell, token }))
    t.notOk(await isTokenKnown({ ...cell, token: 'of another server' }))
    const asReader = openInfluxWriter({ cell: { ...cell, token: reading }, log: quiet })
    await t.rejects(asReader.write([point({ power_w: 1 })], never), { code: 'time-series.unavailable', message: /doctor --fix/ })
    const asWriter = openInfluxWriter({ cell: { ...cell, token: writing }, log: quiet })
    t.match(await asWriter.write([point({ power_w: 1 })], never), { stored: 1 })
    const elsewhere = openInfluxWriter({ cell: { ...server, name: 'one', bucket: 'setup', token: writing }, log: quiet })
    await t.rejects(elsewhere.write([point({ power_w: 1 })], never), { code: 'time-series.unavailable' })
    const reader = openInfluxReader({ cells: [{ ...cell, token: reading }], places })
    t.equal((await reader.range(acme, everything, never)).length, 1)
    for (const one of [asReader, asWriter, elsewhere, reader]) one.close()
  })

  t.test('an answer that never comes, and a server that is not there, are a store that is away', async (t) => {
    const cell = firstOf((await openWorld(t)).cells)
    const nobody = openInfluxWriter({ cell: { ...cell, url: 'http://127.0.0.1:9' }, log: quiet })
    await t.rejects(nobody.write([point({ power_w: 1 })], never), { code: 'time-series.unavailable' })
    const plain = { ...cell, url: 'http://example.com:8086' }
    t.throws(() => openInfluxWriter({ cell: plain, log: quiet }), { code: 'config.invalid', message: /without TLS/ })
    nobody.close()
  })
})
