import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { type IngestConfig, ingestConfig } from '../../../ingest/config.ts'
import { type BridgeSettings, createTlsTransport, startIngest } from '../../../ingest/service.ts'
import { openSqliteLog } from '../../../platform/adapters/sqlite/log/open.ts'
import { openSqliteMetadata } from '../../../platform/adapters/sqlite/metadata/open.ts'
import { openAuthority } from '../../../platform/adapters/x509/authority.ts'
import type { CertificateAuthority, IssuedKeyPair } from '../../../platform/ports/certificate-authority.ts'
import type { EventLogReader, LogRecord } from '../../../platform/ports/event-log.ts'
import type { GatewayStore, Metadata } from '../../../platform/ports/metadata.ts'
import { compileForText } from '../../../schemas/compile.ts'
import { LOG_TOPICS, READINGS_TOPIC, REJECTED_TOPIC, readingsTopic } from '../../../schemas/topics.ts'
import { type ByteClient, openSecure } from './byte-client.ts'
import type { Signer } from './forged-certificates.ts'
import { type GatedLog, gateLog } from './gated-log.ts'
import { createReadableLog, type LogLine } from './log-lines.ts'
import { type ConnectFields, connect } from './mqtt-bytes.ts'

const DAY_MS = 86_400_000
const READ_LIMIT = { recordsMax: 1_000, bytesMax: 16 * 1_048_576 }

/** A gateway as it stands in its hall: its name, and the files that were carried to it. */
export interface Gateway {
  readonly tenant: string
  readonly gateway: string
  readonly topic: string
  readonly pair: IssuedKeyPair
}

export interface SecureListener {
  readonly port: number
  readonly authority: CertificateAuthority
  /** The authority's own certificate and key, to sign what it would not. */
  readonly root: Signer
  readonly metadata: Metadata
  readonly eventLog: GatedLog
  readonly lines: readonly LogLine[]
  /** A certificate of ours that nobody has enrolled. */
  issue(tenant: string, gateway: string): Promise<Gateway>
  /** An enrolled gateway; its tenant is made when it isn't there. */
  enrol(tenant: string, gateway: string): Promise<Gateway>
  /** The handshake done, nothing sent. */
  connect(gateway: Pick<Gateway, 'pair'>): Promise<ByteClient>
  /** CONNECT sent as well, with a sound id. */
  enter(gateway: Gateway, fields?: ConnectFields): Promise<ByteClient>
  /** What has become durable, of both kinds. */
  records(): Promise<readonly LogRecord[]>
  /** How often something was refused for this reason. */
  refusals(reason: string): Promise<number>
  metric(name: string): Promise<number>
  /** Closes the real one: every question to it fails from now on. */
  takeRegistryAway(): Promise<void>
  stop(): Promise<void>
}

export interface SecureListenerOptions {
  readonly config?: Partial<IngestConfig>
  readonly connectionsMax?: number
  readonly handshakeTimeoutMs?: number
  readonly clock?: () => number
  readonly bridge?: BridgeSettings
  /** Puts something between the listener and the registry. */
  readonly registry?: (metadata: Metadata) => GatewayStore
}

/** The listener as the product starts it: TLS, certificates, the registry and the event log, all real, in a temporary folder. */
export async function openSecureListener(t: Test, options: SecureListenerOptions = {}): Promise<SecureListener> {
  const folder = t.testdir()
  const { clock = Date.now, registry = (all) => all } = options
  const { authority, root, metadata, realLog } = await openStores(t, folder)
  const eventLog = gateLog(realLog)
  const { log, lines } = createReadableLog()
  const metrics = new Registry()
  const config = { ...defaultConfig(), ...options.config }
  const { certificatePem, privateKeyPem } = await authority.issueServer({ names: ['127.0.0.1'], validDays: 1 })
  const transport = createTlsTransport({
    host: '127.0.0.1',
    port: 0,
    certificatePem,
    privateKeyPem,
    rootPem: authority.rootPem,
    connectionsMax: options.connectionsMax ?? config.MILLRACE_MQTT_CONNECTIONS_MAX,
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? config.MILLRACE_MQTT_CONNECT_TIMEOUT_MS,
  })
  const ingest = await startIngest(
    { eventLog, registry: { ...registry(metadata), tenant: metadata.tenant }, transport, clock, listener: 'one' },
    { config, log, metrics, bridge: options.bridge },
  )
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopped ??= ingest.stop()
    return stopped
  }
  t.teardown(stop)

  async function open(pair: IssuedKeyPair): Promise<ByteClient> {
    const client = await openSecure({ port: ingest.port, rootPem: authority.rootPem, ...pair })
    t.teardown(() => client.destroy())
    return client
  }

  return {
    port: ingest.port,
    authority,
    root,
    metadata,
    eventLog,
    lines,
    stop,
    takeRegistryAway: () => metadata.close(),
    ...enrolment(authority, metadata),
    connect: ({ pair }) => open(pair),
    async enter({ tenant, gateway, pair }, fields = {}) {
      const client = await open(pair)
      client.send(connect({ id: `${tenant}/${gateway}`, ...fields }))
      return client
    },
    records: async () => [...(await readAll(realLog, READINGS_TOPIC)), ...(await readAll(realLog, REJECTED_TOPIC))],
    refusals: (reason) => sumOf(metrics, 'ingest_refusals_total', reason),
    metric: (name) => sumOf(metrics, name),
  }
}

async function openStores(t: Test, folder: string) {
  const authorityFolder = join(folder, 'authority')
  mkdirSync(authorityFolder)
  const onDeath = (error: Error) => t.fail('a thread ended by itself', { error })
  const authority = await openAuthority({ folder: authorityFolder })
  const metadata = await openSqliteMetadata({ folder, onDeath })
  t.teardown(() => metadata.close())
  const topics = LOG_TOPICS.map((name) => ({ name, partitions: 2, retentionMs: DAY_MS }))
  const realLog = await openSqliteLog({ folder, topics, bytesMax: 0, lingerMs: 1, retentionEveryMs: DAY_MS, onDeath })
  t.teardown(() => realLog.close())
  const root: Signer = {
    certificatePem: authority.rootPem,
    privateKeyPem: await readFile(join(authorityFolder, 'ca-key.pem'), 'utf8'),
  }
  return { authority, root, metadata, realLog }
}

function enrolment(authority: CertificateAuthority, metadata: Metadata): Pick<SecureListener, 'issue' | 'enrol'> {
  async function issue(tenant: string, gateway: string): Promise<Gateway> {
    const pair = await authority.issueGateway({ tenant, gateway, validDays: 1 })
    return { tenant, gateway, pair, topic: readingsTopic({ tenant, gateway }) }
  }
  return {
    issue,
    async enrol(tenant, gateway) {
      const issued = await issue(tenant, gateway)
      const enrolledMs = Date.now()
      if (!(await metadata.tenant(tenant))) await metadata.addTenant({ id: tenant, name: tenant, createdMs: enrolledMs })
      await metadata.enrolGateway({ tenant, id: gateway, enrolledMs, certificate: issued.pair })
      return issued
    },
  }
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

async function sumOf(metrics: Registry, name: string, reason?: string): Promise<number> {
  const metric = await metrics.getSingleMetric(name)?.get()
  const values = metric?.values.filter(({ labels }) => reason === undefined || labels.reason === reason) ?? []
  return values.reduce((sum, { value }) => sum + value, 0)
}
