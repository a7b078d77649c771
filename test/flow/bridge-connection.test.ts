// Goal: the bridge comes back ever more slowly to a broker that is away, says when its subscription is refused, reaches brokers by IPv6, and stops only
// when what is in flight is acknowledged, or after a while.
// Method: a real Mosquitto, with its own access rules where it must refuse; a real event log behind a gate.
import { writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { needs } from '../programs.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { startMosquitto } from './bridge/mosquitto.ts'
import { startRelay } from './bridge/relay.ts'
import { bridgeTo, durable, reading } from './bridge/settings.ts'
import { openSecureListener } from './listener/secure-listener.ts'

t.setTimeout(60_000)
const skip = needs('mosquitto')
const TOPIC = 'v1/acme/gw-1/readings'
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

t.test('the bridge comes back ever more slowly to a broker that is away', { skip }, async (t) => {
  const relay = await startRelay(t, (await startMosquitto(t)).port)
  const listener = await openSecureListener(t, { bridge: bridgeTo(relay.url) })
  await until(async () => (await listener.metric('bridge_connected')) === 1)
  relay.refuse()
  await until(() => relay.connections === 3)
  await setTimeout(5_000)
  t.ok(relay.connections <= 6, `${relay.connections} attempts; every half a second it would have been 12`)
  t.equal(await listener.metric('bridge_connected'), 0)
})

/** Access rules of Mosquitto's own under which nobody may subscribe to anything. */
async function subscribingDenied(t: Test): Promise<readonly string[]> {
  const path = join(t.testdir(), 'access.json')
  const defaultACLAccess = { publishClientSend: true, publishClientReceive: true, subscribe: false, unsubscribe: true }
  const role = { rolename: 'none', acls: [] }
  const groups = [{ groupname: 'anonymous', roles: [{ rolename: 'none' }] }]
  await writeFile(path, JSON.stringify({ defaultACLAccess, clients: [], groups, roles: [role], anonymousGroup: 'anonymous' }), {
    mode: 0o600,
  })
  return [
    'allow_anonymous true',
    'plugin /usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so',
    `plugin_opt_config_file ${path}`,
  ]
}

for (const [protocol, code] of [
  ['3.1.1', 128],
  ['5', 135],
] as const) {
  t.test(`a subscription that is refused is told and counted, MQTT ${protocol}`, { skip }, async (t) => {
    const broker = await startMosquitto(t, { more: await subscribingDenied(t) })
    const listener = await openSecureListener(t, { bridge: bridgeTo(broker.url, { protocol }) })
    await until(async () => (await listener.metric('bridge_subscriptions_refused_total')) >= 2)
    t.equal(await listener.metric('bridge_connected'), 0)
    const line = listener.lines.find(({ msg }) => msg.startsWith('The broker refused the subscription of the bridge'))
    t.match(line, { level: 50, code, filter: '$share/millrace/v1/+/+/readings', msg: /let the user of the bridge subscribe/ })
  })
}

for (const tls of [false, true]) {
  t.test(`a broker is reached by its IPv6 address${tls ? ' over TLS' : ''}`, { skip: skip || !hasIpv6 }, async (t) => {
    const broker = await startMosquitto(t, { tls, address: '::1' })
    t.match(broker.url, '[::1]')
    const caPem = broker.caPem
    const listener = await openSecureListener(t, { bridge: bridgeTo(broker.url, caPem === undefined ? {} : { caPem }) })
    await until(async () => (await listener.metric('bridge_connected')) === 1)
    t.pass('connected')
  })
}

async function openBridgeAtShutLog(t: Test) {
  const broker = await startMosquitto(t)
  const relay = await startRelay(t, broker.port)
  const listener = await openSecureListener(t, { bridge: bridgeTo(relay.url) })
  await listener.enrol('acme', 'gw-1')
  await until(async () => (await listener.metric('bridge_connected')) === 1)
  listener.eventLog.shut()
  for (let n = 0; n < 3; n++) await broker.publish(TOPIC, reading(n))
  await until(() => listener.eventLog.waiting === 3)
  return { broker, listener }
}

t.test('stopping waits until what is in flight is acknowledged', { skip }, async (t) => {
  const { broker, listener } = await openBridgeAtShutLog(t)
  let isStopped = false
  const stopping = listener.stop().then(() => {
    isStopped = true
  })
  await setTimeout(300)
  t.notOk(isStopped)
  await broker.publish(TOPIC, reading(3))
  listener.eventLog.open()
  await stopping
  t.equal(await listener.metric('bridge_acknowledged_total'), 3)
  t.same([...(await durable(listener))].toSorted(), [0, 1, 2], 'and what came later is left to the broker')

  const next = await openSecureListener(t, { bridge: bridgeTo(broker.url) })
  await next.enrol('acme', 'gw-1')
  await until(async () => (await durable(next)).size > 0)
  await setTimeout(300)
  t.same([...(await durable(next))], [3], 'which has seen every acknowledgement, and sends only that')
})

t.test('stopping ends although the log never takes what is in flight', { skip }, async (t) => {
  const { listener } = await openBridgeAtShutLog(t)
  const startMs = performance.now()
  await listener.stop()
  const stopMs = performance.now() - startMs
  t.ok(stopMs > 4_000 && stopMs < 8_000, `${Math.round(stopMs)} ms`)
  t.equal(await listener.metric('bridge_acknowledged_total'), 0)
})
