// Goal: what a gateway publishes with Mosquitto's own client, over TLS 1.3 with the certificate that the CLI wrote, comes out of the API bit for bit.
// Method: the product as a process of its own, everything set up through the command line, and `mosquitto_pub` as it is in Debian.
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { Reading } from '../../schemas/message.ts'
import { encodeReading } from '../fault/harness/message.ts'
import { startProduct, stopProduct, whenReady } from '../fault/harness/product.ts'
import { createRandom } from '../fault/harness/random.ts'
import { type ApiOptions, readRejections, readSensor } from '../fault/harness/read-api.ts'
import { until } from '../fault/harness/until.ts'
import { needs } from '../programs.ts'
import { runCli } from './cli/program.ts'

const ARRIVE_MS_MAX = 20_000
/** A client that is refused tries again for ever. */
const PATIENCE_MS = 3_000
const TOPIC = 'v1/acme/gw-1/readings'
const FIRST_MS = Date.UTC(2026, 0, 1)
const METRICS = ['power_w', 'energy_wh'] as const

async function startWorld(t: Test) {
  const folder = t.testdir()
  const dataFolder = join(folder, 'data')
  const product = startProduct({ folder: dataFolder, mqttPort: 0, httpPort: 0 })
  t.teardown(() => stopProduct(product))
  const { mqttPort, apiUrl } = await whenReady(product)
  const credentials = join(folder, 'gw-1')

  async function cli(...argv: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await runCli(dataFolder, argv)
    if (exitCode !== 0) throw new Error(`millrace ${argv.join(' ')} ended with ${exitCode}: ${stderr}`)
    return stdout.trim()
  }
  await cli('tenants', 'add', 'acme', '--name', 'Acme BV')
  await cli('gateways', 'enrol', 'gw-1', '--tenant', 'acme', '--out', credentials)
  const token = await cli('tokens', 'create', '--tenant', 'acme', '--scope', 'read', '--scope', 'diagnose')
  const api: ApiOptions = { apiUrl, tenant: 'acme', token }

  const common = [
    '-h',
    'localhost',
    '-p',
    String(mqttPort),
    '-i',
    'gw-1',
    '-q',
    '1',
    '-d',
    '--cafile',
    join(credentials, 'ca.pem'),
  ]
  const certificate = ['--cert', join(credentials, 'cert.pem'), '--key', join(credentials, 'key.pem')]

  return {
    folder,
    api,
    /** With the certificate, to the gateway's topic. */
    publish: (...more: readonly string[]) =>
      mosquittoPub([...common, ...certificate, '--tls-version', 'tlsv1.3', '-t', TOPIC, ...more]),
    /** Everything but what every client needs is up to the caller. */
    attempt: (...more: readonly string[]) => mosquittoPub([...common, ...more]),
    certificate,
  }
}

interface Published {
  /** Null when it had to be stopped. */
  readonly exitCode: number | null
  readonly isAcknowledged: boolean
  readonly output: string
}

/** Runs it until it ends by itself, or, since it would come back for ever after a refusal, for a few seconds. */
async function mosquittoPub(argv: readonly string[]): Promise<Published> {
  const child = spawn('mosquitto_pub', [...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = Promise.all([text(child.stdout), text(child.stderr)]).then((texts) => texts.join(''))
  const patience = new AbortController()
  const stopping = stopLater(child, patience.signal)
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('exit', (code) => resolve(code))
    child.once('error', reject)
  })
  patience.abort()
  await stopping
  return { exitCode, output: await output, isAcknowledged: (await output).includes('received PUBACK') }
}

async function stopLater(child: ChildProcess, signal: AbortSignal): Promise<void> {
  await setTimeout(PATIENCE_MS, undefined, { signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  )
}

/** Readings of one sensor, a second apart, of any doubles there are. */
function makeReadings(sensor: string, count: number, seed: number): readonly Reading[] {
  const random = createRandom(seed, sensor)
  return Array.from({ length: count }, (_, index) => ({
    sensor,
    ts: FIRST_MS + index * 1_000,
    values: Object.fromEntries(METRICS.map((metric) => [metric, random.float()])),
  }))
}

const messageOf = (readings: readonly Reading[]): string => `{"readings":[${readings.map(encodeReading).join(',')}]}`

/** The bits of every value, so that 0 and -0 differ and nothing is rounded when it is compared. */
function bitsOf(values: Iterable<readonly [string, number]>): readonly string[] {
  const bits = new DataView(new ArrayBuffer(8))
  return [...values]
    .map(([metric, value]) => {
      bits.setFloat64(0, value)
      return `${metric} ${bits.getBigUint64(0).toString(16)}`
    })
    .sort()
}

async function readBack(api: ApiOptions, sensor: string, count: number): Promise<readonly object[]> {
  return until(`${count} readings of ${sensor} can be read`, ARRIVE_MS_MAX, async () => {
    try {
      const rows = await Array.fromAsync(readSensor(api, sensor))
      return rows.length < count ? undefined : rows.map(({ timestampMs, values }) => ({ timestampMs, bits: bitsOf(values) }))
    } catch (error) {
      // The sensor isn't known before its first reading is stored.
      if (error instanceof Error && error.message.includes('gave 404')) return undefined
      throw error
    }
  })
}

const asSent = (readings: readonly Reading[]): readonly object[] =>
  readings.map(({ ts, values }) => ({ timestampMs: ts, bits: bitsOf(Object.entries(values)) }))

t.test('mosquitto_pub', { skip: needs('mosquitto_pub') }, async (t) => {
  const seed = Date.now() % 2 ** 31
  t.comment(`seed ${seed}`)
  const { folder, api, publish, attempt, certificate } = await startWorld(t)

  async function publishFile(name: string, bytes: string | Uint8Array): Promise<Published> {
    const file = join(folder, name)
    await writeFile(file, bytes)
    return publish('-f', file)
  }

  for (const count of [1, 100, 5_000]) {
    t.test(`publishes ${count} readings, and the API gives back every value bit for bit`, async (t) => {
      const sensor = `sensor-${count}`
      const readings = makeReadings(sensor, count, seed)
      const { exitCode, isAcknowledged, output } = await publishFile(`${count}.json`, messageOf(readings))
      t.ok(exitCode === 0 && isAcknowledged, output)
      t.same(await readBack(api, sensor, count), asSent(readings))
    })
  }

  t.test('publishes a message as an argument, as the tutorial does', async (t) => {
    const readings = makeReadings('sensor-m', 1, seed)
    const { exitCode } = await publish('-m', messageOf(readings))
    t.equal(exitCode, 0)
    t.same(await readBack(api, 'sensor-m', 1), asSent(readings))
  })

  t.test('publishes gzip', async (t) => {
    const readings = makeReadings('sensor-gzip', 1_000, seed)
    const { exitCode, isAcknowledged, output } = await publishFile('1000.json.gz', gzipSync(messageOf(readings)))
    t.ok(exitCode === 0 && isAcknowledged, output)
    t.same(await readBack(api, 'sensor-gzip', 1_000), asSent(readings))
  })

  t.test('has a bad message acknowledged, and finds it in the list of what was refused', async (t) => {
    const { exitCode, isAcknowledged } = await publish('-m', '{"readings":[{"sensor":"sensor-1","values":{"power_w":"n/a"}}]}')
    t.ok(exitCode === 0 && isAcknowledged)
    const [rejection] = await until('the rejection is listed', ARRIVE_MS_MAX, async () => {
      const listed = await readRejections(api)
      return listed.length > 0 ? listed : undefined
    })
    t.match(rejection, { gateway: 'gw-1', reason: 'reading.value', pointer: '/readings/0/values/power_w' })
  })

  const good = ['-m', messageOf(makeReadings('sensor-refused', 1, seed))]
  const tls13 = ['--tls-version', 'tlsv1.3']
  const refusals = [
    ["is refused on another gateway's topic", [...certificate, ...tls13, '-t', 'v1/acme/gw-2/readings', ...good]],
    ['is refused when the message is to be retained', [...certificate, ...tls13, '-t', TOPIC, '-r', ...good]],
    ['is refused without a certificate', [...tls13, '-t', TOPIC, ...good]],
    ['is refused under the client id of another gateway', [...certificate, ...tls13, '-i', 'gw-2', '-t', TOPIC, ...good]],
  ] as const
  for (const [name, argv] of refusals) {
    t.test(name, async (t) => {
      const { exitCode, isAcknowledged, output } = await attempt(...argv)
      t.not(exitCode, 0, output)
      t.notOk(isAcknowledged, output)
    })
  }

  t.test('has left nothing of what was refused', async (t) => {
    await t.rejects(Array.fromAsync(readSensor(api, 'sensor-refused')), /gave 404/)
  })
})
