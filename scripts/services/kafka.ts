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
  await mkdir(folder, { recursive: true })
  const settings = join(folder, 'server.properties')
  await writeFile(settings, properties(join(folder, 'data'), { port, advertisedPort: advertisedPort ?? port, controllerPort }))
  const logFile = join(folder, 'kafka.log')
  const classPath = join(artefactFolder(kafkaArtefact), 'libs', '*')
  const clusterId = randomBytes(16).toString('base64url')
  await run('java', ['-cp', classPath, 'kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', settings])
  const server = await startRestartable(
    () => startServer('java', ['-Xmx512m', '-cp', classPath, 'kafka.Kafka', settings], { logFile }),
    (started) => untilReady(started, logFile, READY_TIMEOUT_MS, () => accepts(port)),
  )
  return Object.assign(server, { brokers: `127.0.0.1:${advertisedPort ?? port}`, listens: `127.0.0.1:${port}` })
}

interface Ports {
  readonly port: number
  readonly advertisedPort: number
  readonly controllerPort: number
}

function properties(dataFolder: string, { port, advertisedPort, controllerPort }: Ports): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': dataFolder,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
    'log.flush.interval.messages': 1,
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
