// Goal: of several cells each serves its own tenants, one that is away or hangs is no other's business, and what a cell has lost is told.
// Method: a real server with a bucket for each cell. Where it must be away or hang, a server of this test's own.
import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { CHECK_TIMEOUT_MS } from '../../platform/runtime/readiness.ts'
import { needsService } from '../services.ts'
import { openWorld } from './influx/world.ts'
import { everything, never, point } from './time-series/implementations.ts'

const acme = proveTenant('acme')
t.setTimeout(120_000)

t.test('InfluxDB, in cells', { skip: needsService('influx') }, async (t) => {
  t.test('a reader finds a tenant in the cell where it lives, and says which cell its table lacks', async (t) => {
    const { places, cells, open } = await openWorld(t, ['one', 'two'])
    await places.placeTenants(['a'], ['two'])
    const [one, two] = [open(cells.slice(0, 1)), open(cells.slice(1))]
    await two.writer.write([point({ power_w: 1 }, { tenant: 'a' })], never)
    t.equal((await open().reader.range(proveTenant('a'), everything, never)).length, 1)
    await t.rejects(one.reader.range(proveTenant('a'), everything, never), {
      code: 'time-series.unavailable',
      message: /cell two/,
    })
  })

  t.test('a reader is there for the tenants of one cell while the other is away, and gone with the last', async (t) => {
    const { places, cells, open, writer } = await openWorld(t, ['main', 'two'])
    const away = cells.map((cell) => ({ ...cell, url: 'http://127.0.0.1:9' }))
    const [main] = cells
    const { reader } = open([...(main ? [main] : []), ...away.slice(1)])
    await places.placeTenants(['b'], ['two'])
    await writer.write([point({ power_w: 1 })], never)
    await t.resolves(reader.ping())
    t.equal((await reader.range(acme, everything, never)).length, 1)
    await t.rejects(reader.range(proveTenant('b'), everything, never), { code: 'time-series.unavailable' })
    await t.rejects(open(away).reader.ping(), { code: 'time-series.unavailable' })
    const silent = createServer().listen(0, '127.0.0.1')
    t.teardown(() => silent.close())
    await once(silent, 'listening')
    const address = silent.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    const hung = open([...(main ? [main] : []), ...cells.slice(1).map((cell) => ({ ...cell, url }))])
    const startMs = performance.now()
    await hung.reader.ping()
    t.ok(performance.now() - startMs < CHECK_TIMEOUT_MS, 'nor does one that never answers hold it up')
  })

  t.test('rejections that the index does not hold are told from those that it holds', async (t) => {
    const { writer } = await openWorld(t)
    // The index keeps them for 90 days.
    const nowMs = Date.now()
    const entry = (offset: number, timeMs = nowMs) => ({
      tenant: 'acme',
      gateway: 'gw-1',
      timeMs,
      stage: 'ingest' as const,
      reason: 'reading.value',
      pointer: '',
      detail: '',
      partition: 1,
      offset,
      fault: 0,
    })
    const held = [entry(1), entry(2), entry(2_000_007)]
    await writer.index(held)
    const others = [
      entry(3),
      entry(1, nowMs - 1),
      entry(1_000_001),
      { ...entry(1), partition: 2 },
      { ...entry(1), tenant: 'bolt' },
    ]
    t.same(await writer.missingRejections([...held, ...others], never), [3, 4, 5, 6, 7])
  })
})
