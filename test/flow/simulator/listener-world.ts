import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { type IngestConfig, ingestConfig } from '../../../ingest/config.ts'
import { type IngestPorts, startIngest } from '../../../ingest/service.ts'
import { createTlsTransport, type TlsTransportOptions } from '../../../ingest/tls-transport.ts'
import type { GatewayCredentials } from '../../../operate/simulator/gateway-link.ts'
import { factoryPlan } from '../../../operate/simulator/plan.ts'
import { openSqliteLog } from '../../../platform/adapters/sqlite/log/open.ts'
import { openSqliteMetadata } from '../../../platform/adapters/sqlite/metadata/open.ts'
import { openAuthority } from '../../../platform/adapters/x509/authority.ts'
import type { EventLogReader, LogRecord } from '../../../platform/ports/event-log.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import { compileForText } from '../../../schemas/compile.ts'
import { decodeEnvelope } from '../../../schemas/envelope.ts'
import type { Message } from '../../../schemas/message.ts'
import { LOG_TOPICS, READINGS_TOPIC, REJECTED_TOPIC } from '../../../schemas/topics.ts'

const DAY_MS = 86_400_000
const READ_LIMIT = { recordsMax: 1_000, bytesMax: 16 * 1_048_576 }
export const log = createLogger({ level: 'error', part: 'test', isPretty: false })

/** What arrived at the event log from one message. */
export interface Arrival {
  readonly key: string
  readonly readings: Message['readings']
}

/** Our own listener on a free port of the loopback address, with its event log, registry and certificate authority in a temporary folder. */
export async function openListenerWorld(t: Test) {
  const folder = t.testdir()
  const authorityFolder = join(folder, 'authority')
  mkdirSync(authorityFolder)
  const onDeath = (error: Error) => t.fail('a thread ended by itself', { error })
  const authority = await openAuthority({ folder: authorityFolder })
  const metadata = await openSqliteMetadata({ folder, onDeath })
  t.teardown(() => metadata.close())
  const topics = LOG_TOPICS.map((name) => ({ name, partitions: 2, retentionMs: DAY_MS }))
  const eventLog = await openSqliteLog({ folder, topics, bytesMax: 0, lingerMs: 1, retentionEveryMs: DAY_MS, onDeath })
  t.teardown(() => eventLog.close())
  const { certificatePem, privateKeyPem } = await authority.issueServer({ names: ['127.0.0.1'], validDays: 1 })

  const listen = async (port = 0) =>
    listenOn(
      t,
      { eventLog, registry: metadata, clock: Date.now },
      { port, certificatePem, privateKeyPem, rootPem: authority.rootPem },
    )

  /** A gateway with a certificate of ours that nobody has enrolled. */
  async function issue(tenant: string, gateway: string) {
    const certificate = await authority.issueGateway({ tenant, gateway, validDays: 1 })
    const { certificatePem, privateKeyPem } = certificate
    return { certificate, credentials: { tenant, gateway, certificatePem, privateKeyPem } }
  }

  /** The gateways of a demo factory, enrolled. */
  async function enrol(tenant: string, gateways: number): Promise<readonly GatewayCredentials[]> {
    const enrolledMs = Date.now()
    await metadata.addTenant({ id: tenant, name: tenant, createdMs: enrolledMs })
    return Promise.all(
      factoryPlan({ gateways }).gateways.map(async ({ gateway }) => {
        const { certificate, credentials } = await issue(tenant, gateway)
        await metadata.enrolGateway({ tenant, id: gateway, enrolledMs, certificate })
        return credentials
      }),
    )
  }

  return {
    caPem: authority.rootPem,
    listen,
    issue,
    enrol,
    arrivals: async (): Promise<readonly Arrival[]> => (await readAll(eventLog, READINGS_TOPIC)).map(toArrival),
    rejections: () => readAll(eventLog, REJECTED_TOPIC),
  }
}

type Ports = Omit<IngestPorts, 'transport' | 'listener'>
type Certificates = Pick<TlsTransportOptions, 'port' | 'certificatePem' | 'privateKeyPem' | 'rootPem'>

async function listenOn(t: Test, ports: Ports, certificates: Certificates) {
  const host = '127.0.0.1'
  const limits = { connectionsMax: 100, handshakeTimeoutMs: 10_000 }
  const transport = createTlsTransport({ host, ...certificates, ...limits })
  const ingest = await startIngest(
    { ...ports, transport, listener: 'one' },
    { config: defaultConfig(), log, metrics: new Registry() },
  )
  let isStopped = false
  async function stop(): Promise<void> {
    if (!isStopped) await ingest.stop()
    isStopped = true
  }
  t.teardown(stop)
  return { port: ingest.port, stop }
}

function defaultConfig(): IngestConfig {
  const config: unknown = {}
  const validate = compileForText<IngestConfig>(ingestConfig)
  if (!validate(config)) throw new Error('The defaults of ingest are not valid.')
  return config
}

async function readAll(eventLog: EventLogReader, topic: string): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = []
  for (const { partition, firstOffset, nextOffset } of await eventLog.partitions(topic)) {
    let offset = firstOffset
    while (offset < nextOffset) {
      const page = await eventLog.read({ topic, partition, offset }, READ_LIMIT)
      records.push(...page)
      offset = (page.at(-1)?.offset ?? nextOffset) + 1
    }
  }
  return records
}

function toArrival({ key, value }: LogRecord): Arrival {
  const envelope = decodeEnvelope(value)
  if (envelope === undefined) throw new Error('The event log holds a record that can not be read.')
  const message: Message = JSON.parse(Buffer.from(envelope.payload).toString('utf8'))
  return { key, readings: message.readings }
}
