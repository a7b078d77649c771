// `npm run bench:scale`: Millrace against Mosquitto and Telegraf on the same Kafka and InfluxDB, the same load, in one run.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { ensureBuckets } from '../../platform/adapters/influx/ensure.ts'
import { ensureBuilt } from '../../scripts/services/cache.ts'
import { startInflux } from '../../scripts/services/influx.ts'
import { startKafka } from '../../scripts/services/kafka.ts'
import { startPostgres } from '../../scripts/services/postgres.ts'
import { telegrafArtefact } from '../../scripts/services/telegraf.ts'
import { operationsOn } from '../../test/fault/harness/enrol.ts'
import { startCluster } from '../../test/fault/scale/cluster.ts'
import { enrolGateways } from '../gateways.ts'
import { type Latency, measureLatency } from '../latency.ts'
import type { WhichAreThere } from '../probe.ts'
import { runFacts, saveResult } from '../save-result.ts'
import { countField, findTimes } from './influx-counts.ts'
import { measureSide, type Side, type SideFigures } from './measure-side.ts'
import { startPeer } from './telegraf.ts'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    messages: { type: 'string', default: '400000' },
    rounds: { type: 'string', default: '2' },
    gateways: { type: 'string', default: '200' },
  },
})
const [messages, rounds, gatewayCount] = [Number(flags.messages), Number(flags.rounds), Number(flags.gateways)]
const tell = (text: string): void => void process.stderr.write(`${text}\n`)
const PEER_TOPIC = 'telegraf'
/** What Telegraf makes of the metric that is counted. */
const PEER_FIELD = 'values_power_w'

await ensureBuilt(telegrafArtefact, tell)
const folder = await mkdtemp('/tmp/millrace-bench-scale-')
await chmod(folder, 0o755)
const [kafka, influx, postgres] = await Promise.all([
  startKafka(join(folder, 'kafka')),
  startInflux(join(folder, 'influx')),
  startPostgres(join(folder, 'postgres')),
])
const servers = { kafka: kafka.child.pid, influx: influx.child.pid }
try {
  await run()
} finally {
  await Promise.all([kafka, influx, postgres].map((server) => server.stop()))
  await rm(folder, { recursive: true, force: true })
}

async function run(): Promise<void> {
  const direct = (text: string) => ({ port: Number(text.split(':').at(-1)) })
  const wires = { kafka: direct(kafka.brokers), influx: direct(influx.url), postgres: direct(new URL(postgres.url).host) }
  const cluster = await startCluster(join(folder, 'cluster'), { influx, postgres, wires }, { listeners: 1, processors: 1 })
  const operations = await operationsOn(cluster.dataFolder)
  const { rootPem, gateways } = await enrolGateways(operations, gatewayCount)
  const bucket = 'telegraf'
  await preparePeer(bucket)
  const files = {
    ca: join(folder, 'cluster', 'ca.pem'),
    cert: join(folder, 'cluster', 'cert.pem'),
    key: join(folder, 'cluster', 'key.pem'),
  }
  const peer = await startPeer({
    folder: join(folder, 'peer'),
    brokers: kafka.brokers,
    influx,
    bucket,
    topic: PEER_TOPIC,
    tls: files,
  })
  try {
    const [mqttPort = 0] = cluster.ingestPorts
    const pidOf = (role: string) => cluster.members.find((member) => member.role === role)?.pid()
    const ours: Side = {
      mqttPort,
      rootPem,
      gateways,
      processes: { ingest: pidOf('ingest'), process: pidOf('process') },
      servers,
      countPoints: (fromMs) => countField({ influx, bucket: 'readings', field: 'power_w' }, fromMs),
    }
    const theirs: Side = {
      mqttPort: peer.mqttPort,
      rootPem,
      gateways,
      processes: peer.processes,
      servers,
      countPoints: (fromMs) => countField({ influx, bucket, field: PEER_FIELD }, fromMs),
    }
    // A whole round that isn't counted: these programs run for months, and each of them, and Kafka, is slower in its first half minute.
    for (const side of [ours, theirs]) await measureSide(side, messages)
    const pairs: Pair[] = []
    for (let round = 1; round <= rounds; round++) {
      tell(`round ${round} of ${rounds}, ${messages} messages each …`)
      pairs.push({ millrace: await measureSide(ours, messages), telegraf: await measureSide(theirs, messages) })
      tell(JSON.stringify(pairs.at(-1)))
    }
    // Each at half of what it reached: ours asked through the API, the peer, which has none, in InfluxDB itself.
    const areAtPeer: WhichAreThere = (query) => findTimes({ influx, bucket, field: PEER_FIELD }, query)
    const served = (port: number) => ({
      server: { mqttPort: port, apiUrl: cluster.apiUrl, operations },
      rootPem,
      gateways,
    })
    const [telegraf] = await measureLatency(served(peer.mqttPort), reached(pairs, 'telegraf'), areAtPeer)
    const [millrace] = await measureLatency(served(mqttPort), reached(pairs, 'millrace'))
    await report(pairs, { millrace, telegraf })
  } finally {
    await peer.stop()
    await cluster.stop()
  }
}

function reached(pairs: readonly Pair[], side: keyof Pair) {
  const messagesPerSecond = mean(pairs.map(({ [side]: figures }) => figures.messagesPerSecond))
  return [{ connections: gatewayCount, readingsPerMessage: 1, messagesPerSecond }]
}

async function preparePeer(bucket: string): Promise<void> {
  await ensureBuckets({ ...influx, bucket }, { readingsDays: 396, rejectedDays: 396 })
  const admin = new Kafka({ brokers: [kafka.brokers], clientId: 'bench', logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: PEER_TOPIC, numPartitions: 4, replicationFactor: 1 }] })
  await admin.disconnect()
}

type Pair = Readonly<Record<'millrace' | 'telegraf', SideFigures>>
type LatencyFigures = Readonly<Record<'millrace' | 'telegraf', Latency | undefined>>

async function report(pairs: readonly Pair[], latency: LatencyFigures) {
  const ratio = (field: 'messagesPerCpuSecond' | 'messagesPerSecond'): number =>
    Math.round((100 * mean(pairs.map(({ millrace }) => millrace[field]))) / mean(pairs.map(({ telegraf }) => telegraf[field]))) /
    100
  const result = {
    ...runFacts(),
    gateways: gatewayCount,
    messagesPerCpuSecondRatio: ratio('messagesPerCpuSecond'),
    messagesPerSecondRatio: ratio('messagesPerSecond'),
    // Of half the load, or of none.
    p99Ms: latency.millrace?.isHeld ? latency.millrace.p99Ms : undefined,
    latency,
    rounds: pairs,
  }
  process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `${JSON.stringify(result, undefined, 2)}\n`)
  if (flags.save) await saveResult('scale', result)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
