import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type Artefact, artefactFolder } from './cache.ts'
import { freePort, type RestartableServer, run, startRestartable, startServer, untilReady } from './run.ts'

const VERSION = '4.1.2'
const LOG4J_VERSION = '2.24.3'
const READY_TIMEOUT_MS = 90_000

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>millrace</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${VERSION}</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>${LOG4J_VERSION}</version></dependency>
</dependencies></project>
`

export const kafkaArtefact: Artefact = {
  name: 'kafka',
  version: VERSION,
  needs: { java: 'default-jre-headless', mvn: 'maven' },
  takes: 'half a minute',
  async build(folder) {
    await writeFile(join(folder, 'pom.xml'), POM)
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs'], { cwd: folder })
  },
}

export interface KafkaServer extends RestartableServer {
  /** `host:port`. */
  readonly brokers: string
  /** Where it listens, which differs where clients are to come by another way. */
  readonly listens: string
}

export interface KafkaOptions {
  /** Where clients are told to connect; where it listens when left out. */
  readonly advertisedPort?: number
}

/** One broker that is its own controller (KRaft). It flushes each message, so that a kill loses nothing that it acknowledged. */
export async function startKafka(folder: string, { advertisedPort }: KafkaOptions = {}): Promise<KafkaServer> {
  const [port, controllerPort] = [await freePort(), await freePort()]
  const ports = { port, advertisedPort: advertisedPort ?? port, controllerPort }
  const alone = { id: 1, ...ports, voters: `1@127.0.0.1:${controllerPort}`, clusterId: newClusterId() }
  return startBroker(folder, { ...alone, heapMiB: 512, settings: { ...copies(1), 'log.flush.interval.messages': 1 } })
}

export interface ClusterBroker extends KafkaServer {
  /** As the cluster calls it. */
  readonly id: number
}

/** So many brokers with small heaps, each a controller too. As many copies are made of what Kafka keeps for itself; nothing is flushed, as with real ones. */
export async function startKafkaCluster(folder: string, size: number): Promise<readonly ClusterBroker[]> {
  const nodes = await Promise.all(
    Array.from({ length: size }, async (_, index) => ({
      id: index + 1,
      port: await freePort(),
      controllerPort: await freePort(),
    })),
  )
  const voters = nodes.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`).join(',')
  const shared = { voters, clusterId: newClusterId(), heapMiB: 256, settings: copies(size) }
  const starts = await Promise.allSettled(
    nodes.map(async (node) => {
      const server = await startBroker(join(folder, String(node.id)), { ...node, advertisedPort: node.port, ...shared })
      return Object.assign(server, { id: node.id })
    }),
  )
  const started = starts.filter((start) => start.status === 'fulfilled').map(({ value }) => value)
  const failed = starts.find((start) => start.status === 'rejected')
  if (failed === undefined) return started
  await Promise.all(started.map((server) => server.stop()))
  throw failed.reason
}

const newClusterId = (): string => randomBytes(16).toString('base64url')

const copies = (count: number) => ({
  'offsets.topic.replication.factor': count,
  'transaction.state.log.replication.factor': count,
  'transaction.state.log.min.isr': 1,
})

interface BrokerPlan {
  readonly id: number
  readonly port: number
  readonly advertisedPort: number
  readonly controllerPort: number
  /** The controllers, `id@host:port` with commas. */
  readonly voters: string
  readonly clusterId: string
  readonly heapMiB: number
  readonly settings: Readonly<Record<string, string | number>>
}

async function startBroker(folder: string, plan: BrokerPlan): Promise<KafkaServer> {
  const { port, advertisedPort, clusterId, heapMiB } = plan
  await mkdir(folder, { recursive: true })
  const settings = join(folder, 'server.properties')
  await writeFile(settings, properties(join(folder, 'data'), plan))
  const logFile = join(folder, 'kafka.log')
  const classPath = join(artefactFolder(kafkaArtefact), 'libs', '*')
  await run('java', ['-cp', classPath, 'kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', settings])
  const server = await startRestartable(
    () => startServer('java', [`-Xmx${heapMiB}m`, '-cp', classPath, 'kafka.Kafka', settings], { logFile }),
    (started) => untilReady(started, logFile, READY_TIMEOUT_MS, () => accepts(port)),
  )
  return Object.assign(server, { brokers: `127.0.0.1:${advertisedPort}`, listens: `127.0.0.1:${port}` })
}

function properties(dataFolder: string, { id, port, advertisedPort, controllerPort, voters, settings }: BrokerPlan): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': voters,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': dataFolder,
    'offsets.topic.num.partitions': 5,
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
    ...settings,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** The broker opens its port only once it has taken up its role. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
