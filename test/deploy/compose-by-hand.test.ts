// Goal: the processes of docker-compose.yml, with the commands, variables, mounts and secrets that stand in it, are the product: in by TLS at the
// balancer, out of the API. A name that is misspelt in it, or a secret that isn't there, is noticed.
// Method: no container engine: the file is read as Compose reads it, and each service is started as a process with nothing but its own
// environment, beside real servers with the certificates and secrets of deploy/. Users, networks, limits and images are not shown.
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connectAsync } from 'mqtt'
import t, { type Test } from 'tap'
import { readUpSettings } from '../../operate/up/settings.ts'
import { readingsTopic } from '../../schemas/topics.ts'
import { freePort } from '../../scripts/services/run.ts'
import { operationsOn } from '../fault/harness/enrol.ts'
import { needs } from '../programs.ts'
import { needsService } from '../services.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { type Container, type Machine, readService, replicasOf } from './by-hand/read-service.ts'
import { runContainer, startContainer } from './by-hand/start-container.ts'
import { startBalancer, startServers } from './by-hand/start-servers.ts'
import { type Fields, fieldsOf, parseYaml, read } from './read-deploy.ts'

t.setTimeout(300_000)
const GATEWAYS = 9
const DAY_MS = 86_400_000
const file = parseYaml(read('docker-compose.yml'))
const OURS = Object.entries(fieldsOf(file.services))
  .filter(([, service]) => fieldsOf(service).build !== undefined)
  .map(([name]) => name)
const skip = needsService('kafka') || needsService('postgres') || needsService('influx') || needs('openssl') || needs('haproxy')

async function openMachine(t: Test): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-by-hand-'))
  await chmod(folder, 0o755)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return startServers(t, file, folder)
}

/** With ports of its own, which each container has for itself. */
async function containerOf(machine: Machine, service: string, replica = 1): Promise<Container> {
  const ports = { '8883': String(await freePort()), '8443': String(await freePort()), '9464': String(await freePort()) }
  return readService(file, service, { ...machine, hosts: { ...ports, ...machine.hosts } }, replica)
}

async function startReplicas(t: Test, machine: Machine, service: string): Promise<readonly Container[]> {
  const replicas = Array.from({ length: replicasOf(file, service) }, (_, index) => index + 1)
  const containers = await Promise.all(replicas.map((replica) => containerOf(machine, service, replica)))
  const running = await Promise.all(containers.map(startContainer))
  for (const one of running) t.teardown(() => one.stop())
  return containers
}

async function ask(path: string, { port, caFile, token }: { port: string; caFile: string; token?: string }): Promise<string> {
  const ca = await readFile(caFile)
  const answered = Promise.withResolvers<string>()
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  request({ host: 'localhost', port, path, ca, headers, agent: false }, (response) => answered.resolve(text(response)))
    .once('error', answered.reject)
    .end()
  return answered.promise
}

t.test('docker-compose.yml, by hand', { skip }, async (t) => {
  const machine = await openMachine(t)
  for (const time of ['first', 'second'])
    t.match(await runContainer(await containerOf(machine, 'setup')), { exitCode: 0 }, `setup, the ${time} time`)
  t.match(await runContainer(await containerOf(machine, 'listener-certificate')), { exitCode: 0 }, 'listener-certificate')
  const [serve] = await startReplicas(t, machine, 'serve')
  const [ingest, processors] = [await startReplicas(t, machine, 'ingest'), await startReplicas(t, machine, 'process')]
  if (serve === undefined) throw new Error('Nothing serves.')
  t.same([ingest.length, processors.length], [3, 2])
  const listeners = ingest.map(({ environment }) => ({
    mqttPort: environment.MILLRACE_MQTT_PORT ?? '',
    metricsPort: environment.MILLRACE_METRICS_PORT ?? '',
  }))
  const port = await startBalancer(t, machine, listeners)

  const operations = await operationsOn(serve.environment.MILLRACE_DATA_DIR ?? '')
  await operations.call('tenants.add', { tenant: 'acme', name: 'Acme' })
  const token = { tenant: 'acme', scopes: ['read'], label: 'test', expiresInMs: DAY_MS }
  const { secret } = await operations.call('tokens.create', token)
  const caFile = serve.place('/certificates/ca.pem')
  const api = { port: serve.environment.MILLRACE_HTTP_PORT ?? '', caFile, token: secret }

  for (let index = 0; index < GATEWAYS; index++) {
    const name = { tenant: 'acme', gateway: `gw-${index}` }
    const { caPem, certificatePem, privateKeyPem = '' } = await operations.call('gateways.enrol', name)
    const client = await connectAsync({
      ...{ protocol: 'mqtts', host: 'localhost', port, ca: caPem, cert: certificatePem, key: privateKeyPem },
      ...{ clientId: name.gateway, protocolVersion: 4, reconnectPeriod: 0 },
    })
    t.teardown(() => client.endAsync(true))
    const readings = [{ sensor: `sensor-${index}`, ts: Date.now(), values: { power_w: index } }]
    await client.publishAsync(readingsTopic(name), JSON.stringify({ readings }), { qos: 1 })
  }
  let page = ''
  await until(async () => {
    page = await ask('/v1/sensors?limit=100', api)
    return Array.from({ length: GATEWAYS }, (_, index) => `"sensor-${index}"`).every((sensor) => page.includes(sensor))
  })
  for (let index = 0; index < GATEWAYS; index++) {
    const path = `/v1/sensors/sensor-${index}/readings?from=0&to=2100-01-01T00:00:00Z`
    await until(async () => (await ask(path, api)).includes(`"power_w":${index}`))
  }
  t.pass('what went in at the balancer comes out of the API')
  const shares = await Promise.all(
    listeners.map(
      async ({ metricsPort }) => /^ingest_connections (\d+)$/m.exec(await ask('/metrics', { port: metricsPort, caFile }))?.[1],
    ),
  )
  t.same(shares, ['3', '3', '3'], 'the balancer shares the gateways out')

  t.test('a misspelt variable, and a secret that is not there, are noticed', async (t) => {
    const ingestOf = (change: (service: Fields) => Fields) => {
      const services = fieldsOf(file.services)
      const broken = {
        ...file,
        services: { ...services, ingest: { ...fieldsOf(services.ingest), ...change(fieldsOf(services.ingest)) } },
      }
      return runContainer(readService(broken, 'ingest', machine))
    }
    const misspelt = ({ environment }: Fields) => {
      const { MILLRACE_MQTT_CERT_FILE: certFile, ...rest } = fieldsOf(environment)
      return { environment: { ...rest, MILLRACE_MQTT_CERT_FIEL: certFile } }
    }
    t.match(await ingestOf(misspelt), { exitCode: 78, stderr: /MILLRACE_MQTT_CERT_FIEL/ })
    t.match(await ingestOf(() => ({ secrets: ['postgres-app-password'] })), {
      exitCode: 78,
      stderr: /MILLRACE_KAFKA_SASL_PASSWORD_FILE can not be read/,
    })
    await rm(join(machine.secrets, 'postgres-app-password'))
    t.match(await ingestOf(() => ({})), { exitCode: 78, stderr: /MILLRACE_POSTGRES_PASSWORD_FILE can not be read/ })
  })
})

t.test('no variable of any service can be misspelt unnoticed', async (t) => {
  for (const service of OURS) {
    const machine = { volumes: '/v', secrets: '/s', scratch: '/t', hosts: {} }
    const { environment } = readService(file, service, machine)
    const names = Object.keys(environment).filter((name) => name.startsWith('MILLRACE_'))
    t.ok(names.length > 5, `${service} has ${names.length}`)
    for (const name of names) {
      const { [name]: value = '', ...rest } = environment
      t.throws(() => readUpSettings({ ...rest, [`${name}S`]: value }), { message: new RegExp(`${name}S`) }, `${service}: ${name}`)
    }
  }
})
