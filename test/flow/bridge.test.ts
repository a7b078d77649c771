// Goal: messages of a broker that is already there are acknowledged to it once they are durable, and not before; two bridges share them; nothing that
// isn't a tenant's gets in; and the bridge starts only where somebody said that topics can be trusted.
// Method: a real Mosquitto, MQTT 3.1.1 and 5, plain and over TLS 1.3; the embedded stores; publishers are mqtt.js as gateways use it.
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { connectAsync, type IClientOptions } from 'mqtt'
import t, { type Test } from 'tap'
import type { BridgeSettings } from '../../ingest/service.ts'
import { openAuthority } from '../../platform/adapters/x509/authority.ts'
import { freePort } from '../../scripts/services/run.ts'
import { needs } from '../programs.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { openSecureListener } from './listener/secure-listener.ts'
import { addTenant, createProgram, startProduct } from './pipeline/world.ts'

t.setTimeout(120_000)

async function startMosquitto(t: Test, tls: boolean) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-mosquitto-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const authority = await openAuthority({ folder })
  const server = await authority.issueServer({ names: ['localhost', '127.0.0.1'], validDays: 2 })
  const files = { ca: join(folder, 'ca.crt'), cert: join(folder, 'server.crt'), key: join(folder, 'server.key') }
  await writeFile(files.ca, authority.rootPem)
  await writeFile(files.cert, server.certificatePem)
  await writeFile(files.key, server.privateKeyPem)
  const secure = [`cafile ${files.ca}`, `certfile ${files.cert}`, `keyfile ${files.key}`, 'tls_version tlsv1.3']
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'user root',
    'max_queued_messages 0',
    ...(tls ? secure : []),
  ]
  await writeFile(join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`)
  const child = spawn('/usr/sbin/mosquitto', ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const url = `${tls ? 'mqtts' : 'mqtt'}://localhost:${port}`
  const options: IClientOptions = { ...(tls && { ca: authority.rootPem }), reconnectPeriod: 0 }
  await until(async () => {
    const probe = await connectAsync(url, options).catch(() => undefined)
    await probe?.endAsync(true)
    return probe !== undefined
  })
  const publisher = await connectAsync(url, options)
  t.teardown(() => publisher.endAsync(true))
  return {
    url,
    caFile: tls ? files.ca : undefined,
    publish: (topic: string, payload: object | string, more: object = {}) =>
      publisher.publishAsync(topic, typeof payload === 'string' ? payload : JSON.stringify(payload), { qos: 1, ...more }),
  }
}

type Mosquitto = Awaited<ReturnType<typeof startMosquitto>>

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

const reading = (n: number) => ({ readings: [{ sensor: 'press-1', ts: FIRST_MS + n, values: { power_w: n } }] })
const FIRST_MS = Date.now() - 86_400_000
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
      const broker = await startMosquitto(t, tls)
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
        await until(async () => (await metricOf(up.metricsUrl, 'bridge_acknowledged_total')) === 302)
        t.pass('and every message is acknowledged to the broker')
      })

      t.test('what is nobody’s gets in nowhere, and is counted', async (t) => {
        await broker.publish('v1/stranger/gw-1/readings', reading(1))
        await broker.publish('v1/Not a tenant/gw-1/readings', reading(1))
        await broker.publish('v1/acme/gw-1/other', reading(1))
        await until(async () => (await metricOf(up.metricsUrl, 'bridge_refused_total')) === 2)
        t.equal(countIn((await program.get(PATH)).body), 301)
        await addTenant(up, 'stranger')
        const stranger = await createProgram(up, 'stranger')
        t.equal((await stranger.get(PATH)).status, 404)
        t.match(await stranger.getUntil('/v1/rejected', 'tenant.unknown'), { rejected: [{ reason: 'tenant.unknown' }] })
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

t.test(
  'a message is acknowledged when it is durable, and sent again when it could not be',
  { skip: needs('mosquitto') },
  async (t) => {
    const broker = await startMosquitto(t, false)
    const bridge: BridgeSettings = {
      group: 'millrace',
      trustsTopics: true,
      connection: { url: broker.url, clientId: 'bridge-1', protocol: '3.1.1', inFlightMax: 3 },
    }
    const listener = await openSecureListener(t, { bridge })
    await listener.enrol('acme', 'gw-1')
    const acknowledged = () => listener.metric('bridge_acknowledged_total')
    await until(async () => (await listener.metric('bridge_connected')) === 1)
    listener.eventLog.shut()
    for (let n = 0; n < 6; n++) await broker.publish('v1/acme/gw-1/readings', reading(n))
    await until(() => listener.eventLog.waiting === 3)
    await setTimeout(300)
    t.equal(listener.eventLog.waiting, 3, 'no more are read than may be in flight')
    t.equal(await acknowledged(), 0, 'and none is acknowledged')
    listener.eventLog.fail()
    await setTimeout(300)
    listener.eventLog.open()
    const texts = async () => (await listener.records()).map(({ value }) => Buffer.from(value).toString('latin1'))
    const holds = (all: readonly string[], n: number) => all.some((text) => text.includes(`"ts":${FIRST_MS + n},`))
    await until(async () => {
      const all = await texts()
      return [0, 1, 2, 3, 4, 5].every((n) => holds(all, n))
    })
    t.pass('what could not be stored came again, and the rest behind it')
  },
)

t.test('topics that nobody vouches for are not believed', { skip: needs('mosquitto') }, async (t) => {
  const broker = await startMosquitto(t, false)
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
