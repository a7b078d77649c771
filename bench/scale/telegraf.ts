import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { artefactFolder } from '../../scripts/services/cache.ts'
import { freePort, startServer, untilReady } from '../../scripts/services/run.ts'
import { telegrafArtefact } from '../../scripts/services/telegraf.ts'
import type { Processes } from './cpu.ts'

export interface PeerPlace {
  readonly folder: string
  readonly brokers: string
  readonly influx: { readonly url: string; readonly org: string; readonly token: string }
  readonly bucket: string
  readonly topic: string
  /** PEM files: the CA of the gateways, and a server certificate that they trust. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string }
}

export interface Peer {
  readonly mqttPort: number
  readonly processes: Processes
  stop(): Promise<void>
}

const SETTLE_MS = 3_000

/**
 * Mosquitto → Telegraf → Kafka → Telegraf → InfluxDB, as its documentation tunes it for throughput: QoS 1, `required_acks = -1`, batches of 5,000, and
 * room for 100,000 undelivered messages. Gateways come over TLS with client certificates, as they do to Millrace.
 */
export async function startPeer(place: PeerPlace): Promise<Peer> {
  const { folder, tls } = place
  await mkdir(folder, { recursive: true })
  const [mqttPort, innerPort] = [await freePort(), await freePort()]
  const settings = join(folder, 'mosquitto.conf')
  await writeFile(
    settings,
    [
      'per_listener_settings true',
      'max_queued_messages 0',
      'max_inflight_messages 1000',
      'user root',
      `listener ${mqttPort} 127.0.0.1`,
      `cafile ${tls.ca}`,
      `certfile ${tls.cert}`,
      `keyfile ${tls.key}`,
      'tls_version tlsv1.3',
      'require_certificate true',
      'allow_anonymous true',
      `listener ${innerPort} 127.0.0.1`,
      'allow_anonymous true',
      '',
    ].join('\n'),
  )
  const mosquitto = startServer('/usr/sbin/mosquitto', ['-c', settings], { logFile: join(folder, 'mosquitto.log') })
  const inward = await startTelegraf(folder, 'in', [...agent(), ...fromMqtt(innerPort), ...toKafka(place)])
  const outward = await startTelegraf(folder, 'out', [...agent(), ...fromKafka(place), ...toInflux(place)])
  await untilReady(mosquitto, join(folder, 'mosquitto.log'), SETTLE_MS * 3, async () => true)
  await setTimeout(SETTLE_MS)
  return {
    mqttPort,
    processes: {
      mosquitto: mosquitto.child.pid,
      'telegraf, to Kafka': inward.child.pid,
      'telegraf, to InfluxDB': outward.child.pid,
    },
    async stop() {
      for (const server of [inward, outward, mosquitto]) await server.stop()
    },
  }
}

async function startTelegraf(folder: string, name: string, lines: readonly string[]) {
  const path = join(folder, `${name}.conf`)
  await writeFile(path, `${lines.join('\n')}\n`)
  return startServer(join(artefactFolder(telegrafArtefact), 'telegraf'), ['--config', path], {
    logFile: join(folder, `${name}.log`),
  })
}

const agent = (): readonly string[] => [
  '[agent]',
  'interval = "1s"',
  'metric_batch_size = 5000',
  'metric_buffer_limit = 1000000',
  'flush_interval = "200ms"',
  'omit_hostname = true',
  'quiet = true',
]

const fromMqtt = (port: number): readonly string[] => [
  '[[inputs.mqtt_consumer]]',
  `servers = ["tcp://127.0.0.1:${port}"]`,
  'topics = ["v1/+/+/readings"]',
  'qos = 1',
  'client_id = "telegraf"',
  'persistent_session = true',
  'max_undelivered_messages = 100000',
  'topic_tag = ""',
  'data_format = "json"',
  'json_query = "readings"',
  'tag_keys = ["sensor"]',
  'json_time_key = "ts"',
  'json_time_format = "unix_ms"',
  'name_override = "reading"',
]

const toKafka = ({ brokers, topic }: PeerPlace): readonly string[] => [
  '[[outputs.kafka]]',
  `brokers = ["${brokers}"]`,
  `topic = "${topic}"`,
  'version = "3.6.0"',
  'required_acks = -1',
  'data_format = "influx"',
]

const fromKafka = ({ brokers, topic }: PeerPlace): readonly string[] => [
  '[[inputs.kafka_consumer]]',
  `brokers = ["${brokers}"]`,
  `topics = ["${topic}"]`,
  'version = "3.6.0"',
  'consumer_group = "telegraf"',
  'offset = "oldest"',
  'max_undelivered_messages = 100000',
  'data_format = "influx"',
]

const toInflux = ({ influx, bucket }: PeerPlace): readonly string[] => [
  '[[outputs.influxdb_v2]]',
  `urls = ["${influx.url}"]`,
  `token = "${influx.token}"`,
  `organization = "${influx.org}"`,
  `bucket = "${bucket}"`,
]
