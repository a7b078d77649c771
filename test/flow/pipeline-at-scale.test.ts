// Goal: with Kafka as the event log, PostgreSQL as the metadata store and InfluxDB as the time-series store the product is the same: in at MQTT, through Kafka, out of HTTP.
// Method: the whole product in this process, on real servers, with topics and a database of this test's own, as `doctor --fix` makes them.
import t from 'tap'
import { fix } from '../../operate/up/fix.ts'
import { needsServers, serverVariables } from './pipeline/at-scale.ts'
import { addTenant, connectGateway, createProgram, startProduct } from './pipeline/world.ts'

const TEST_TIMEOUT_MS = 120_000
t.setTimeout(TEST_TIMEOUT_MS)

t.test('the product on Kafka, PostgreSQL and InfluxDB', { skip: needsServers() }, async (t) => {
  const folder = t.testdir()
  const environment = await serverVariables(t)
  await t.rejects(startProduct(t, folder, environment), { code: 'metadata.unavailable' }, 'does not start without its role')
  t.match(await fix(environment), [
    { state: 'ok', found: 'made, 4 partitions' },
    { state: 'ok' },
    { state: 'ok' },
    { state: 'ok' },
    { state: 'ok', found: /^tables up to date, role app_.* made$/ },
    { state: 'ok', found: 'made, keeps points 396 days' },
    { state: 'ok', found: 'made, keeps points 90 days' },
    { state: 'ok', found: /^made, in / },
    { state: 'ok', found: /^made, in / },
  ])
  const again = await fix(environment)
  t.match(
    again,
    [{ found: 'there, 4 partitions' }, {}, {}, {}, { found: /there$/ }, ...Array(4).fill({ found: /^there/ })],
    'a second time changes nothing',
  )

  const up = await startProduct(t, folder, environment)
  await addTenant(up, 'acme')
  const gateway = await connectGateway(t, up, { tenant: 'acme', gateway: 'gw-1' })
  const program = await createProgram(up, 'acme')
  const ts = Date.now()
  const reading = { sensor: 'press-1', ts, values: { power_w: 1234.5, energy_wh: 0.1 + 0.2 } }
  await gateway.publish({ readings: [reading] })
  await gateway.publish({ readings: [{ ...reading, ts: 1_764_000_000 }] })

  const path = `/v1/sensors/press-1/readings?from=${ts}&to=${ts + 10}`
  t.match(await program.getUntil(path, 'power_w'), { readings: [reading.values] }, 'every value comes back bit for bit')
  const rejected = await program.getUntil('/v1/rejected', 'time.in-seconds')
  t.match(rejected, { rejected: [{ gateway: 'gw-1', reason: 'time.in-seconds' }] })
  const [, id = ''] = /"id":"([^"]+)"/.exec(JSON.stringify(rejected)) ?? []
  t.match((await program.get(`/v1/rejected/${id}`)).body, { original: { base64: /.+/ } }, 'and what was refused, with its bytes')
  t.match(await program.get('/readyz'), { status: 200 })
  t.match((await program.get('/v1/gateways')).body, { gateways: [{ gateway: 'gw-1' }] })

  t.test('a stranger sees nothing of it', async (t) => {
    await addTenant(up, 'bolt')
    const stranger = await createProgram(up, 'bolt')
    t.equal((await stranger.get(path)).status, 404)
    t.match((await stranger.get('/v1/gateways')).body, { gateways: [] })
    t.match((await stranger.get(`/v1/rejected/${id}`)).status, 404)
  })

  t.test('what was acknowledged before a stop is there after it', async (t) => {
    await gateway.publish({ readings: [{ ...reading, ts: ts + 1 }] })
    await gateway.client.endAsync(true)
    await up.stop()
    const later = await createProgram(await startProduct(t, folder, environment), 'acme')
    const page = await later.getUntil(path, new Date(ts).toISOString(), new Date(ts + 1).toISOString())
    t.match(page, { readings: [reading.values, reading.values] })
  })
})
