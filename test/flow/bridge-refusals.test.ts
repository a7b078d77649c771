// Goal: what the bridge refuses is acknowledged and kept with its reason: a revoked gateway's, what is too large, and what is no known tenant's, which
// no tenant sees, not even one that takes that name later. Retained messages are taken when they are published, and not again.
// Method: a real Mosquitto, MQTT 3.1.1 and 5; the product with its embedded stores, or the listener alone where the log itself is looked at.
import t, { type Test } from 'tap'
import { REJECTION_HEADERS } from '../../schemas/rejection.ts'
import { needs } from '../programs.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { startMosquitto } from './bridge/mosquitto.ts'
import { startRelay } from './bridge/relay.ts'
import { bridgeTo, durable, reading } from './bridge/settings.ts'
import { openSecureListener } from './listener/secure-listener.ts'
import { addTenant, createProgram, startProduct } from './pipeline/world.ts'

t.setTimeout(60_000)
const skip = needs('mosquitto')
const TOPIC = 'v1/acme/gw-1/readings'

async function openBridge(t: Test, protocol: '3.1.1' | '5' = '5') {
  const broker = await startMosquitto(t)
  const listener = await openSecureListener(t, { bridge: bridgeTo(broker.url, { protocol }) })
  await listener.enrol('acme', 'gw-1')
  await until(async () => (await listener.metric('bridge_connected')) === 1)
  const acknowledged = (count: number) => until(async () => (await listener.metric('bridge_acknowledged_total')) === count)
  const arrived = (n: number) => until(async () => (await durable(listener)).has(n))
  const rejected = async () => (await listener.records()).filter(({ topic }) => topic === 'rejected.v1')
  return { broker, listener, acknowledged, arrived, rejected }
}

t.test('a gateway that is revoked is refused within a second, until it is enrolled anew', { skip }, async (t) => {
  const { broker, listener, arrived, rejected } = await openBridge(t)
  await broker.publish(TOPIC, reading(1))
  await arrived(1)
  await listener.metadata.revokeGateway({ tenant: 'acme', id: 'gw-1', revokedMs: Date.now() })
  const startMs = performance.now()
  const refused = () => listener.metric('bridge_refused_total')
  await until(async () => {
    await broker.publish(TOPIC, reading(2))
    return (await refused()) > 0
  })
  t.ok(performance.now() - startMs < 2_000, `${Math.round(performance.now() - startMs)} ms, on a machine that others use`)
  await broker.publish(TOPIC, reading(3))
  await broker.publish('v1/acme/gw-2/readings', reading(4))
  await arrived(4)
  t.pass('one that nobody has enrolled is let in')
  const kept = await rejected()
  t.ok(
    kept.some(({ value }) => Buffer.from(value).equals(Buffer.from(JSON.stringify(reading(3))))),
    'it is kept as it came',
  )
  for (const { key, headers } of kept) t.same([key, headers?.[REJECTION_HEADERS.reason]], ['acme/gw-1', 'gateway.revoked'])
  t.equal(await refused(), kept.length)
  await listener.enrol('acme', 'gw-1')
  await broker.publish(TOPIC, reading(5))
  await arrived(5)
  t.equal((await rejected()).length, kept.length, 'and enrolled anew it is let in')
})

t.test('while the registry is away nothing is let in or acknowledged, and the log says so', { skip }, async (t) => {
  const { broker, listener } = await openBridge(t)
  await listener.takeRegistryAway()
  await broker.publish(TOPIC, reading(1))
  await until(() => listener.lines.some(({ msg }) => msg.startsWith('The registry does not say whose a message')))
  await until(async () => (await listener.metric('bridge_received_total')) >= 2)
  t.equal(await listener.metric('bridge_acknowledged_total'), 0, 'although it came again')
  t.same(await listener.records(), [])
})

t.test('of a message that is too large the head is kept, with its length', { skip }, async (t) => {
  const { broker, acknowledged, rejected } = await openBridge(t)
  const payload = Buffer.alloc(9 * 1_048_576, 'x')
  await broker.publish(TOPIC, payload)
  await broker.publish(TOPIC, reading(1))
  await acknowledged(2)
  const [record, ...others] = await rejected()
  t.same(others, [])
  t.equal(record?.value.length, 65_536)
  t.match(record?.headers, {
    [REJECTION_HEADERS.reason]: 'payload.too-large',
    [REJECTION_HEADERS.message]: `${payload.length} bytes, of which the first 65536 are kept`,
  })
})

t.test(
  'what is no known tenant’s is seen by the operator, and by no tenant, whoever takes that name later',
  { skip },
  async (t) => {
    const broker = await startMosquitto(t)
    const environment = { MILLRACE_BRIDGE_URL: broker.url, MILLRACE_BRIDGE_TRUSTS_TOPICS: 'yes' }
    const up = await startProduct(t, t.testdir(), environment)
    await broker.publish('v1/stranger/gw-1/readings', { secret: 1 })
    await broker.publish('v1/No tenant/gw-1/readings', { secret: 2 })
    const metrics = async () => (await fetch(up.metricsUrl)).text()
    await until(async () => /^process_records_total\{processor="rejections",cell="main"\} 2$/m.test(await metrics()))
    await addTenant(up, 'stranger')
    await broker.publish('v1/stranger/gw-1/readings', 'no JSON')

    const stranger = await createProgram(up, 'stranger')
    const seen = await stranger.getUntil('/v1/rejected', 'payload.not-json')
    t.match(seen, { rejected: [{ reason: 'payload.not-json' }] })
    t.notMatch(JSON.stringify(seen), /tenant\.unknown|topic\.invalid/)

    const tail = up.operations.tail({ topic: 'rejected', fromMs: 0, isFollowing: false }, AbortSignal.timeout(10_000))
    const entries = await Array.fromAsync(tail)
    const nobodys = entries.filter(({ tenant }) => tenant === '-').map((entry) => entry.topic === 'rejected' && entry)
    t.match(
      new Set(nobodys),
      new Set([
        { reason: 'tenant.unknown', detail: /^v1\/stranger\/gw-1\/readings: / },
        { reason: 'topic.invalid', detail: /^v1\/No tenant\/gw-1\/readings: / },
      ]),
    )
    const own = up.operations.tail(
      { topic: 'rejected', tenant: 'stranger', fromMs: 0, isFollowing: false },
      AbortSignal.timeout(10_000),
    )
    t.same(
      (await Array.fromAsync(own)).map((entry) => entry.topic === 'rejected' && entry.reason),
      ['payload.not-json'],
    )
  },
)

for (const protocol of ['3.1.1', '5'] as const) {
  t.test(
    `a retained message is taken when it is published, and not when the bridge comes again, MQTT ${protocol}`,
    { skip },
    async (t) => {
      const broker = await startMosquitto(t)
      const retained = { retain: true }
      await broker.publish('v1/acme/gw-0/readings', reading(0), retained)
      const relay = await startRelay(t, broker.port)
      const listener = await openSecureListener(t, { bridge: bridgeTo(relay.url, { protocol }) })
      await listener.enrol('acme', 'gw-1')
      const connects = () => listener.metric('bridge_connects_total')
      await until(async () => (await connects()) === 1)
      await broker.publish(TOPIC, reading(1), retained)
      await until(async () => (await durable(listener)).has(1))
      relay.cut()
      await until(async () => (await connects()) === 2)
      await broker.publish(TOPIC, reading(2))
      await until(async () => (await durable(listener)).has(2))
      t.same([...(await durable(listener))], [1, 2], 'what was retained before the bridge came is not new')
      const received = await listener.metric('bridge_received_total')
      t.equal(received - (await listener.metric('bridge_retained_total')), 2, 'and nothing is taken twice')
    },
  )
}
