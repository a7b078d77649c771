// Goal: messages of a broker that is already there are acknowledged to it once they are durable, and not before; two bridges share them; nothing that
// isn't a tenant's gets in; and the bridge starts only where somebody said that topics can be trusted.
// Method: a real Mosquitto, MQTT 3.1.1 and 5, plain and over TLS 1.3; the embedded stores; publishers are mqtt.js as gateways use it.
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { needs } from '../programs.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { type Mosquitto, startMosquitto } from './bridge/mosquitto.ts'
import { FIRST_MS, reading } from './bridge/settings.ts'
import { addTenant, createProgram, startProduct } from './pipeline/world.ts'

t.setTimeout(120_000)

const variables = ({ url, caFile }: Mosquitto, more: Readonly<Record<string, string>> = {}) => ({
  MILLRACE_BRIDGE_URL: url,
  MILLRACE_BRIDGE_TRUSTS_TOPICS: 'yes',
  ...(caFile !== undefined && { MILLRACE_BRIDGE_CA_FILE: caFile }),
  ...more,
})

async function metricOf(metricsUrl: string, name: string): Promise<number> {
  const text = await (await fetch(metricsUrl)).text()
  const lines = text.split('\n').filter((line) => line.startsWith(name))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

const PATH = `/v1/sensors/press-1/readings?from=${FIRST_MS}&to=${FIRST_MS + 100_000}&limit=10000`
const countIn = (body: unknown): number => JSON.stringify(body).split('"power_w"').length - 1

for (const [protocol, tls] of [
  ['3.1.1', false],
  ['5', true],
] as const) {
  t.test(
    `a bridge that speaks MQTT ${protocol} to Mosquitto${tls ? ' over TLS 1.3' : ''}`,
    { skip: needs('mosquitto') },
    async (t) => {
      const broker = await startMosquitto(t, { tls })
      const environment = variables(broker, { MILLRACE_BRIDGE_PROTOCOL: protocol })
      const folders = t.testdir({ one: {}, two: {} })
      const up = await startProduct(t, join(folders, 'one'), environment)
      await addTenant(up, 'acme')
      const program = await createProgram(up, 'acme')
      await until(async () => (await metricOf(up.metricsUrl, 'bridge_connected')) === 1)

      t.test('what is published comes out of the API, and what is bad is listed with its reason', async (t) => {
        for (let n = 0; n < 300; n++) await broker.publish('v1/acme/gw-1/readings', reading(n))
        await broker.publish('v1/acme/gw-1/readings', 'no JSON')
        await broker.publish('v1/acme/gw-1/readings', reading(300), { qos: 0 })
        await until(async () => countIn((await program.get(PATH)).body) === 301)
        t.match(await program.getUntil('/v1/rejected', 'payload.not-json'), { rejected: [{ gateway: 'gw-1' }] })
        await until(async () => (await metricOf(up.metricsUrl, 'bridge_acknowledged_total')) === 301)
        t.pass('and every message of QoS 1 is acknowledged to the broker')
      })

      t.test('what is nobody’s gets in nowhere, and is counted', async (t) => {
        await broker.publish('v1/stranger/gw-1/readings', reading(1))
        await broker.publish('v1/Not a tenant/gw-1/readings', reading(1))
        await broker.publish('v1/acme/gw-1/other', reading(1))
        await until(async () => (await metricOf(up.metricsUrl, 'bridge_refused_total')) === 2)
        t.equal(countIn((await program.get(PATH)).body), 301)
      })

      t.test('what comes while the bridge is away is kept by the broker, and comes when it is back', async (t) => {
        await up.stop()
        for (let n = 1_000; n < 1_200; n++) await broker.publish('v1/acme/gw-1/readings', reading(n))
        const again = await startProduct(t, join(folders, 'one'), environment)
        const later = await createProgram(again, 'acme')
        await until(async () => countIn((await later.get(PATH)).body) === 501)

        t.test('and two bridges share what comes', async (t) => {
          const other = await startProduct(t, join(folders, 'two'), environment)
          await addTenant(other, 'acme')
          await until(async () => (await metricOf(other.metricsUrl, 'bridge_connected')) === 1)
          const before = await metricOf(again.metricsUrl, 'bridge_acknowledged_total')
          for (let n = 2_000; n < 2_200; n++) await broker.publish('v1/acme/gw-1/readings', reading(n))
          const counts = async () => [
            (await metricOf(again.metricsUrl, 'bridge_acknowledged_total')) - before,
            await metricOf(other.metricsUrl, 'bridge_acknowledged_total'),
          ]
          await until(async () => (await counts()).reduce((sum, count) => sum + count, 0) === 200)
          t.ok(
            (await counts()).every((count) => count > 20),
            'each takes its part',
          )
        })
      })
    },
  )
}

t.test('topics that nobody vouches for are not believed', { skip: needs('mosquitto') }, async (t) => {
  const broker = await startMosquitto(t)
  await t.rejects(startProduct(t, t.testdir(), variables(broker, { MILLRACE_BRIDGE_TRUSTS_TOPICS: 'no' })), {
    code: 'config.invalid',
    message: /MILLRACE_BRIDGE_TRUSTS_TOPICS=yes/,
  })
  await setTimeout(10)
})

t.test('plain MQTT goes to this machine only', async (t) => {
  const remote = { MILLRACE_BRIDGE_URL: 'mqtt://broker.example.com:1883', MILLRACE_BRIDGE_TRUSTS_TOPICS: 'yes' }
  await t.rejects(startProduct(t, t.testdir(), remote), { code: 'config.invalid', message: /without TLS/ })
})
