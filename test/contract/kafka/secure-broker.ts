import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { Test } from 'tap'
import { artefactFolder } from '../../../scripts/services/cache.ts'
import { kafkaArtefact } from '../../../scripts/services/kafka.ts'
import { freePort, run, startServer, untilReady } from '../../../scripts/services/run.ts'
import { makeCertificates } from '../tls/certificates.ts'

export interface SecureBroker {
  readonly brokers: readonly string[]
  readonly caPem: string
}

export const USER = 'millrace'
export const PASSWORD = 'a password of the test'
const IDENTITY = 'broker-identity.pem'
const READY_TIMEOUT_MS = 90_000

/** A broker that speaks TLS 1.3 and SCRAM only, stopped after the test. */
export async function startSecureBroker(t: Test): Promise<SecureBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const { caPem, certFile, keyFile } = await makeCertificates(folder, 'IP:127.0.0.1')
  const parts = await Promise.all([keyFile, certFile].map((file) => readFile(file, 'utf8')))
  await writeFile(join(folder, IDENTITY), parts.join(''))
  const port = await freePort()
  const settings = join(folder, 'server.properties')
  const logFile = join(folder, 'kafka.log')
  await mkdir(join(folder, 'data'))
  await writeFile(settings, properties(folder, port, await freePort()))
  const classPath = join(artefactFolder(kafkaArtefact), 'libs', '*')
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${USER},password=${PASSWORD}]`,
  ])
  const id = randomBytes(16).toString('base64url')
  await run('java', ['-cp', classPath, 'kafka.tools.StorageTool', 'format', `--cluster-id=${id}`, '-c', settings, ...users])
  const server = startServer('java', ['-Xmx384m', '-cp', classPath, 'kafka.Kafka', settings], { logFile })
  t.teardown(() => server.stop())
  await untilReady(server, logFile, READY_TIMEOUT_MS, () => handshakes(port))
  return { brokers: [`127.0.0.1:${port}`], caPem }
}

function handshakes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function properties(folder: string, port: number, controllerPort: number): string {
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `SASL_SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `SASL_SSL://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'SASL_SSL',
    'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512',
    'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
    'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': `${scram.slice(0, -1)} username="${USER}" password="${PASSWORD}";`,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(folder, IDENTITY),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(folder, 'ca.pem'),
    'ssl.enabled.protocols': 'TLSv1.3',
    'log.dirs': join(folder, 'data'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
