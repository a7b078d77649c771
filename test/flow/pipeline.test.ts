// Goal: the whole product at once, embedded and on servers alike: what a gateway publishes over MQTT/TLS comes out of the API, and what it may not, doesn't.
// Method: everything in this process, as `millrace up` starts it; a real MQTT client with a certificate that was enrolled, and HTTP. The same tests on
// SQLite, and on Kafka, PostgreSQL and InfluxDB.
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { STACKS } from './pipeline/stacks.ts'
import { addTenant, connectGateway, createProgram, startProduct } from './pipeline/world.ts'

t.setTimeout(120_000)
const HOUR_MS = 3_600_000
/** A round time in the last hour, so that a range of the last day holds it. */
const T0 = Date.now() - HOUR_MS - (Date.now() % 1_000)
const at = (offsetMs: number): string => new Date(T0 + offsetMs).toISOString()

for (const { name, skip, tellsNewValues, environmentOf } of STACKS)
  t.test(name, { skip }, async (t) => {
    t.test('from a gateway to a program', async (t) => {
      const up = await startProduct(t, t.testdir(), await environmentOf(t))
      for (const tenant of ['acme', 'bolt']) await addTenant(up, tenant)
      const gateway = await connectGateway(t, up, { tenant: 'acme', gateway: 'gw-1' })
      const acme = await createProgram(up, 'acme')

      t.test('every value comes out bit for bit', async (t) => {
        const values = { power_w: 0.1 + 0.2, energy_wh: 998_877, tiny_w: 5e-324, large_w: -Number.MAX_VALUE, zero_w: 0 }
        await gateway.publish({ readings: [{ sensor: 'press-1', ts: T0, values }] })
        const page = await acme.getUntil(`/v1/sensors/press-1/readings?from=${T0}&to=${T0 + 1}`, 'power_w')
        t.same(page, { sensor: 'press-1', readings: [{ ts: at(0), ...values }], next: null })
        t.match((await acme.get('/v1/sensors/press-1/latest')).body, { latest: { power_w: { value: values.power_w } } })
        t.match(await acme.getUntil('/v1/sensors', 'press-1'), { sensors: [{ sensor: 'press-1', gateway: 'gw-1' }] })
      })

      t.test('a message of 5,000 readings comes out whole, plain or gzip', async (t) => {
        for (const sensor of ['plain', 'packed']) {
          const readings = Array.from({ length: 5_000 }, (_, index) => ({
            sensor,
            ts: T0 + index,
            values: { power_w: index / 7 },
          }))
          const text = JSON.stringify({ readings })
          await gateway.publish(sensor === 'packed' ? gzipSync(text) : Buffer.from(text))
          const page = await acme.getUntil(`/v1/sensors/${sensor}/readings?from=${T0}&to=${T0 + 5_000}&limit=5000`, at(4_999))
          const expected = readings.map(({ ts, values }) => ({ ts: new Date(ts).toISOString(), ...values }))
          t.same(page, { sensor, readings: expected, next: null })
        }
      })

      t.test('what is refused is shown with its reason and place; what was good beside it is kept', async (t) => {
        await gateway.publish(Buffer.from('{"readings":[{"sensor":"mixed","values":{"power_w":NaN}}]}'))
        await gateway.publish({
          readings: [
            { sensor: 'mixed', ts: T0, values: { power_w: 1 } },
            { sensor: 'mixed', ts: Math.floor(T0 / 1_000), values: { power_w: 2 } },
            { sensor: 'mixed', ts: T0 + 2, values: {} },
          ],
        })
        t.match(await acme.getUntil('/v1/rejected', 'not-json', 'no-values'), {
          rejected: [
            { gateway: 'gw-1', stage: 'ingest', reason: 'reading.no-values', pointer: /^\/readings\/2/ },
            { reason: 'time.in-seconds', pointer: /^\/readings\/1/ },
            { reason: 'payload.not-json', pointer: '' },
          ],
          next: null,
        })
        t.match(await acme.getUntil('/v1/sensors/mixed/readings', 'power_w'), {
          readings: [{ ts: at(0), power_w: 1 }],
          next: null,
        })
      })

      t.test('a reading without a time has that of its receipt, and says so', async (t) => {
        const beforeMs = Date.now()
        await gateway.publish({ readings: [{ sensor: 'timeless', values: { power_w: 1 } }] })
        const afterMs = Date.now()
        const page = await acme.getUntil(`/v1/sensors/timeless/readings?from=${beforeMs}&to=${afterMs + 1}`, 'power_w')
        t.match(page, { readings: [{ power_w: 1, timeSource: 'receipt' }] })
      })

      t.test('of two values for one reading the last wins, and what comes late takes its place', async (t) => {
        const send = (ts: number, power_w: number) => gateway.publish({ readings: [{ sensor: 'late', ts, values: { power_w } }] })
        await send(T0 + 2, 1)
        await send(T0 + 2, 2)
        await send(T0, 3)
        await send(T0 + 1, 4)
        t.match(await acme.getUntil(`/v1/sensors/late/readings?from=${T0}&to=${T0 + 9}`, '"power_w":4'), {
          readings: [
            { ts: at(0), power_w: 3 },
            { ts: at(1), power_w: 4 },
            { ts: at(2), power_w: 2 },
          ],
        })
        t.match((await acme.get('/v1/sensors/late/latest')).body, { latest: { power_w: { value: 2, ts: at(2) } } })
      })

      t.test('two customers see nothing of each other, whatever they call their things', async (t) => {
        const theirs = await connectGateway(t, up, { tenant: 'bolt', gateway: 'gw-1' })
        const bolt = await createProgram(up, 'bolt')
        await theirs.publish({ readings: [{ sensor: 'press-1', ts: T0, values: { power_w: -1 } }, { sensor: 'secret' }] })
        const path = `/v1/sensors/press-1/readings?from=${T0}&to=${T0 + 1}`
        t.match(await bolt.getUntil(path, 'power_w'), { readings: [{ power_w: -1 }] })
        t.match((await acme.get(path)).body, { readings: [{ power_w: 0.1 + 0.2 }] })
        t.match(await bolt.getUntil('/v1/rejected', 'reading.'), { rejected: { length: 1 }, next: null })
        t.notMatch(JSON.stringify((await acme.get('/v1/rejected')).body), 'secret')
        t.equal((await bolt.get('/v1/sensors/timeless/readings')).status, 404)
        t.match((await bolt.get('/v1/sensors')).body, { sensors: { length: 1 } })
        t.match((await bolt.get('/v1/gateways')).body, { gateways: { length: 1 } })
      })

      t.test('a gateway is seen to come and to go', async (t) => {
        const { client } = await connectGateway(t, up, { tenant: 'acme', gateway: 'gw-2' })
        const first = await acme.getUntil('/v1/gateways/gw-2', '"isConnected":true')
        t.match(first, { presence: { isConnected: true, lastMessage: null } })
        await client.endAsync()
        t.match(await acme.getUntil('/v1/gateways/gw-2', '"isConnected":false'), { presence: { isConnected: false } })
        t.match((await acme.get('/v1/gateways/gw-1')).body, { presence: { isConnected: true, lastMessage: /Z$/ } })
      })

      t.test('revoking a gateway ends its connection within a second', async (t) => {
        const name = { tenant: 'acme', gateway: 'gw-3' }
        const { client } = await connectGateway(t, up, name)
        const closed = once(client.stream, 'close')
        const startMs = performance.now()
        await up.operations.call('gateways.revoke', name)
        await closed
        const tookMs = performance.now() - startMs
        t.ok(tookMs < 1_000, `${Math.round(tookMs)} ms`)
        t.match((await acme.get('/v1/gateways/gw-3')).body, { revoked: /Z$/, certificates: [{ state: 'revoked' }] })
      })

      t.test('it says what it depends on, and counts what it does', async (t) => {
        const ready = await acme.get('/readyz')
        t.equal(ready.status, 200)
        const names = ['event-log', 'metadata', 'stream-processors', 'time-series']
        for (const name of names) t.match(JSON.stringify(ready.body), new RegExp(`"name":"${name}","state":"up"`))
        const metrics = await (await fetch(up.metricsUrl)).text()
        for (const line of [
          /^ingest_readings_total [1-9]/m,
          /^process_values_total\{outcome="stored"\} 1\d{4}/m,
          ...(tellsNewValues ? [/^process_values_total\{outcome="conflict"\} 1$/m] : []),
          /^process_records_total\{processor="store",cell="main"\} [1-9]/m,
        ])
          t.match(metrics, line)
      })
    })

    t.test('a stop loses nothing that was acknowledged, and the next start serves it', async (t) => {
      const folder = t.testdir()
      const environment = await environmentOf(t)
      const first = await startProduct(t, folder, environment)
      await addTenant(first, 'acme')
      const gateway = await connectGateway(t, first, { tenant: 'acme', gateway: 'gw-1' })
      const acknowledged: number[] = []
      const sent = Array.from({ length: 400 }, (_, index) =>
        gateway.publish({ readings: [{ sensor: 'press-1', ts: T0 + index, values: { power_w: index } }] }).then(
          () => acknowledged.push(index),
          () => undefined,
        ),
      )
      while (acknowledged.length < 100) await Promise.race(sent.slice(acknowledged.length))
      const startMs = performance.now()
      await first.stop()
      t.ok(performance.now() - startMs < 10_000, 'it stops in time')
      gateway.client.end(true)
      t.notOk(await fetch(first.apiUrl).then(Boolean, () => false), 'nothing answers any more')
      t.throws(() => statSync(join(folder, 'admin.sock')), { code: 'ENOENT' })

      const second = await startProduct(t, folder, environment)
      const acme = await createProgram(second, 'acme')
      const last = new Date(T0 + (acknowledged.at(-1) ?? 0)).toISOString()
      const page = JSON.stringify(await acme.getUntil(`/v1/sensors/press-1/readings?from=${T0}&to=${T0 + 400}&limit=1000`, last))
      t.same(
        acknowledged.filter((index) => !page.includes(`"power_w":${index}}`)),
        [],
        `all ${acknowledged.length} are there`,
      )
      t.match((await acme.get('/v1/gateways/gw-1')).body, { presence: { isConnected: false } })
    })
  })
