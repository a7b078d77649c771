// Goal: a bridge that is killed in mid-flow loses nothing: the broker sends again what was not acknowledged, and what comes twice is stored once.
// Method: the product in a process of its own, on the embedded log and on Kafka, killed between receipt and the log, between the log and the PUBACK, and
// at a moment of its own; a real Mosquitto that lives on, with a publisher that goes on.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fix } from '../../operate/up/fix.ts'
import { startMosquitto } from '../flow/bridge/mosquitto.ts'
import { FIRST_MS, reading } from '../flow/bridge/settings.ts'
import { needs } from '../programs.ts'
import { needsService, openKafka } from '../services.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { operationsOn } from './harness/enrol.ts'
import { killProduct, startProduct, stopProduct, UNWATCHED, whenReady } from './harness/product.ts'

const TEST_TIMEOUT_MS = 180_000
t.setTimeout(TEST_TIMEOUT_MS)
const skip = needs('mosquitto')
const MESSAGES = 1_200
const DAY_MS = 86_400_000

/** How long the broker may take to send all of it again. */
const ARRIVED_MS_MAX = 60_000

t.test('on the embedded log, a bridge that is killed in mid-flow loses nothing, and stores nothing twice', { skip }, (t) =>
  killBridge(t, {}),
)

t.test('on Kafka, the same', { skip: skip || needsService('kafka') }, async (t) => {
  const environment = {
    MILLRACE_KAFKA_BROKERS: (await openKafka()).brokers,
    MILLRACE_KAFKA_TOPIC_PREFIX: `${randomBytes(8).toString('hex')}.`,
    MILLRACE_KAFKA_REPLICATION_FACTOR: '1',
  }
  await fix(environment)
  await killBridge(t, environment)
})

async function killBridge(t: Test, logEnvironment: Readonly<Record<string, string>>): Promise<void> {
  const folder = join(t.testdir(), 'data')
  const broker = await startMosquitto(t)
  const start = (crashAt?: string) =>
    startProduct({
      folder,
      mqttPort: 0,
      httpPort: 0,
      environment: {
        ...UNWATCHED,
        ...logEnvironment,
        MILLRACE_BRIDGE_URL: broker.url,
        MILLRACE_BRIDGE_TRUSTS_TOPICS: 'yes',
        ...(crashAt !== undefined && { MILLRACE_CRASH_AT: crashAt }),
      },
    })

  const first = start()
  await whenReady(first)
  const operations = await operationsOn(folder)
  await operations.call('tenants.add', { tenant: 'acme', name: 'Acme' })
  const token = { tenant: 'acme', scopes: ['read'], label: 'test', expiresInMs: DAY_MS }
  const { secret } = await operations.call('tokens.create', token)

  let published = 0
  const publishing = (async () => {
    for (; published < MESSAGES; published++) await broker.publish(`v1/acme/gw-${published % 7}/readings`, reading(published))
  })()
  await until(() => published > 200)
  await killProduct(first, folder)

  for (const crashAt of ['ingest.before-append:60', 'ingest.after-append:60']) {
    const { signal } = await start(crashAt).exited
    t.equal(signal, 'SIGKILL', `killed at ${crashAt}`)
  }

  await publishing
  const last = start()
  t.teardown(() => killProduct(last, folder))
  const { apiUrl, metricsUrl } = await whenReady(last)
  const path = `/v1/sensors/press-1/readings?from=${FIRST_MS}&to=${FIRST_MS + MESSAGES + 1}&limit=10000`
  const times = async (): Promise<readonly string[]> => {
    const response = await fetch(new URL(path, apiUrl), { headers: { authorization: `Bearer ${secret}` } })
    return [...(await response.text()).matchAll(/"ts":"?([^,"]+)/g)].map(([, time = '']) => time)
  }
  const deadlineMs = performance.now() + ARRIVED_MS_MAX
  await until(async () => (await times()).length >= MESSAGES || performance.now() > deadlineMs)
  t.equal(new Set(await times()).size, MESSAGES, 'every message came')
  t.equal((await times()).length, MESSAGES, 'each once')
  const metrics = async () => (await fetch(metricsUrl)).text()
  await until(async () => /^bridge_in_flight_messages 0$/m.test(await metrics()))
  t.match(await metrics(), /^process_values_total\{outcome="duplicate"\} [1-9]/m, 'although some came twice')
  t.equal((await stopProduct(last)).exitCode, 0)
}
