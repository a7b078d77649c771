// Goal: with Kafka as the event log the product is the same: in at MQTT, through Kafka, out of HTTP; also what was refused.
// Method: the whole product in this process, on a real broker, with topics of this test's own; `doctor --fix` has made them.
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { fix } from '../../operate/up/fix.ts'
import { needsService, openKafka } from '../services.ts'
import { addTenant, connectGateway, createProgram, startProduct } from './pipeline/world.ts'

const TEST_TIMEOUT_MS = 120_000
t.setTimeout(TEST_TIMEOUT_MS)

t.test('the product on Kafka', { skip: needsService('kafka') }, async (t) => {
  const { brokers } = await openKafka(t)
  const environment = {
    MILLRACE_KAFKA_BROKERS: brokers,
    MILLRACE_KAFKA_TOPIC_PREFIX: `${randomBytes(8).toString('hex')}.`,
    MILLRACE_KAFKA_REPLICATION_FACTOR: '1',
  }
  await t.rejects(
    startProduct(t, t.testdir(), environment),
    { code: 'event-log.unavailable', message: /doctor --fix/ },
    'says what is missing',
  )
  const made = await fix(environment)
  t.match(made, [{ state: 'ok', found: 'made, 4 partitions' }, { state: 'ok' }, { state: 'ok' }, { state: 'ok' }])
  t.match(await fix(environment), [{ state: 'ok', found: 'there, 4 partitions' }, {}, {}, {}], 'a second time changes nothing')

  const folder = t.testdir()
  const up = await startProduct(t, folder, environment)
  await addTenant(up, 'acme')
  const gateway = await connectGateway(t, up, { tenant: 'acme', gateway: 'gw-1' })
  const program = await createProgram(up, 'acme')
  const ts = Date.now()
  const reading = { sensor: 'press-1', ts, values: { power_w: 1234.5, energy_wh: 0.1 + 0.2 } }
  await gateway.publish({ readings: [reading] })
  await gateway.publish({ readings: [{ ...reading, ts: 1_764_000_000 }] })

  const path = `/v1/sensors/press-1/readings?from=${ts}&to=${ts + 1}`
  t.match(await program.getUntil(path, 'power_w'), { readings: [reading.values] }, 'every value comes back bit for bit')
  const rejected = await program.getUntil('/v1/rejected', 'time.in-seconds')
  t.match(rejected, { rejected: [{ gateway: 'gw-1', reason: 'time.in-seconds' }] })
  const [, id = ''] = /"id":"([^"]+)"/.exec(JSON.stringify(rejected)) ?? []
  t.match((await program.get(`/v1/rejected/${id}`)).body, { original: { base64: /.+/ } }, 'and what was refused, with its bytes')
  t.match(await program.get('/readyz'), { status: 200 })

  t.test('what was acknowledged before a stop is there after it', async (t) => {
    await gateway.publish({ readings: [{ ...reading, ts: ts + 1 }] })
    await gateway.client.endAsync(true)
    await up.stop()
    const again = await startProduct(t, folder, environment)
    const later = await createProgram(again, 'acme')
    t.match(
      await later.getUntil(
        `/v1/sensors/press-1/readings?from=${ts}&to=${ts + 10}`,
        `"energy_wh"`,
        new Date(ts + 1).toISOString(),
      ),
      {
        readings: [reading.values, reading.values],
      },
    )
  })
})
