import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { connect } from 'node:tls'
import { Client } from 'pg'
import type { Test } from 'tap'
import { startInflux } from '../../../scripts/services/influx.ts'
import { startPostgres } from '../../../scripts/services/postgres.ts'
import { findProgram, freePort, run, startServer, untilReady } from '../../../scripts/services/run.ts'
import { at, type Fields, fieldsOf, listOf, read, textOf } from '../read-deploy.ts'
import { ownerStatements, prepareKafka } from './deployed-servers.ts'
import type { Machine } from './read-service.ts'

const READY_TIMEOUT_MS = 90_000

/** Kafka, PostgreSQL and InfluxDB with the certificates and secrets that the scripts of deploy/ make. @param folder  Others may go through it. */
export async function startServers(t: Test, file: Fields, folder: string): Promise<Machine> {
  const inside = (name: string) => join(folder, name)
  await run('sh', [at('deploy/make-secrets.sh'), inside('secrets')])
  await makeCertificates(file, inside('volumes'), inside('made'))
  const secret = (name: string) => readFile(join(inside('secrets'), name), 'utf8')
  const certificates = (part: string) => join(inside('volumes'), `certificates-${part}`)
  const tlsOf = async (part: string) => ({
    certFile: join(certificates(part), 'cert.pem'),
    keyFile: join(certificates(part), 'key.pem'),
    caPem: await readFile(join(certificates(part), 'ca.pem'), 'utf8'),
  })
  const kafka = await prepareKafka(inside('kafka'), {
    certificates: certificates('kafka'),
    passwordFile: join(inside('secrets'), 'kafka-password'),
  })
  const broker = kafka.launch(inside('kafka.log'))
  t.teardown(() => broker.stop())
  const postgres = await startPostgres(inside('postgres'), await tlsOf('postgres'))
  t.teardown(() => postgres.stop())
  await makeOwner(postgres.url, await secret('postgres-owner-password'))
  const influx = await startInflux(inside('influx'), { tls: await tlsOf('influxdb'), token: await secret('influx-admin-token') })
  t.teardown(() => influx.stop())
  await untilReady(broker, inside('kafka.log'), READY_TIMEOUT_MS, () => handshakes(kafka.port))
  return {
    volumes: inside('volumes'),
    secrets: inside('secrets'),
    scratch: inside('scratch'),
    hosts: {
      'kafka:9093': `localhost:${kafka.port}`,
      'postgres:5432': `localhost:${new URL(postgres.url).port}`,
      'influxdb:8086': `localhost:${new URL(influx.url).port}`,
      '0.0.0.0': '127.0.0.1',
    },
  }
}

/** By the service `certificates`: each volume is the folder that it is mounted on there. */
async function makeCertificates(file: Fields, volumes: string, made: string): Promise<void> {
  await run('sh', [at('deploy/certificates.sh'), made])
  await mkdir(volumes, { recursive: true })
  for (const volume of listOf(fieldsOf(fieldsOf(file.services).certificates).volumes).map(textOf)) {
    const [source = '', target = ''] = volume.split(':')
    if (dirname(target) === '/certificates') await symlink(join(made, basename(target)), join(volumes, source))
  }
  // Only root may go into it, and servers run as other users here.
  await chmod(made, 0o755)
}

async function makeOwner(url: string, password: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of ownerStatements().split('\n')) await client.query(statement.replace(":'password'", `'${password}'`))
  } finally {
    await client.end()
  }
}

function handshakes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: 'localhost', port, rejectUnauthorized: false }, () => resolve(true))
    socket.once('secureConnect', () => socket.destroy())
    socket.once('error', () => resolve(false))
  })
}

/** HAProxy with deploy/balancer/haproxy.cfg; instead of Docker's name server, it is told where the listeners are. @returns its port. */
export async function startBalancer(
  t: Test,
  { volumes, scratch }: Machine,
  listeners: readonly { readonly mqttPort: string; readonly metricsPort: string }[],
): Promise<number> {
  const [port, metricsPort, healthPort] = [await freePort(), await freePort(), await freePort()]
  const servers = listeners.map(
    (one, index) => `  server ingest-${index} 127.0.0.1:${one.mqttPort} check port ${one.metricsPort}`,
  )
  const settings = read('deploy/balancer/haproxy.cfg')
    .replaceAll('/certificates/', `${join(volumes, 'certificates-balancer')}/`)
    .replace(/^ {2}server-template .*$/m, servers.join('\n'))
    .replace(/^resolvers docker\n(?: {2}.*\n)+/m, '')
    // The container may have more open files than a process here.
    .replace('maxconn 30000', 'maxconn 1000')
    .replace('bind :8883', `bind 127.0.0.1:${port}`)
    .replace('bind :8405', `bind 127.0.0.1:${metricsPort}`)
    .replace('bind 127.0.0.1:8406', `bind 127.0.0.1:${healthPort}`)
  const [file, logFile] = [join(scratch, 'haproxy.cfg'), join(scratch, 'haproxy.log')]
  await mkdir(scratch, { recursive: true })
  await writeFile(file, settings)
  const server = startServer(findProgram('haproxy') ?? 'haproxy', ['-db', '-f', file], { logFile })
  t.teardown(() => server.stop())
  await untilReady(server, logFile, READY_TIMEOUT_MS, async () => (await fetch(`http://127.0.0.1:${healthPort}/healthz`)).ok)
  return port
}
