// What the bridge takes from a broker that is already there: Mosquitto → bridge → Kafka, every message acknowledged after Kafka has it.
// The messages wait in Mosquitto's queue before the clock starts, so that no load shares the machine with what is measured.
// `node bench/bridge.ts [--messages 50000] [--rounds 3] [--save]`
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connectAsync } from 'mqtt'
import { fix } from '../operate/up/fix.ts'
import { startKafka } from '../scripts/services/kafka.ts'
import { freePort, startServer as startProgram, untilReady } from '../scripts/services/run.ts'
import { runFacts, saveResult } from './save-result.ts'
import { type BenchServer, startServer } from './server.ts'

const { values: flags } = parseArgs({
  options: {
    messages: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '3' },
    save: { type: 'boolean', default: false },
  },
})
const [messages, rounds] = [Number(flags.messages), Number(flags.rounds)]
const TENANT = 'bench'
const GATEWAYS = 50
const PUBLISHED_AT_ONCE = 500
const READY_MS_MAX = 10_000
/** Mosquitto's own default, and as many as the bridge would take. */
const BROKER_IN_FLIGHT = [20, 1_000] as const

interface Figures {
  /** `max_inflight_messages` of Mosquitto. */
  readonly brokerInFlight: number
  readonly messagesPerSecond: number
  /** Of the whole process: what was taken is also stored meanwhile. */
  readonly messagesPerCpuSecond: number
}

const folder = await mkdtemp('/tmp/millrace-bench-bridge-')
await chmod(folder, 0o755)
const kafka = await startKafka(join(folder, 'kafka'))
try {
  const figures: Figures[] = []
  for (const brokerInFlight of BROKER_IN_FLIGHT) figures.push(...(await measureWith(brokerInFlight)))
  await report(figures)
} finally {
  await kafka.stop()
  await rm(folder, { recursive: true, force: true })
}

async function measureWith(brokerInFlight: number): Promise<readonly Figures[]> {
  const port = await freePort()
  const place = join(folder, `mosquitto-${brokerInFlight}`)
  const limits = ['max_queued_messages 0', `max_inflight_messages ${brokerInFlight}`]
  await writeFile(`${place}.conf`, ['user root', `listener ${port} 127.0.0.1`, 'allow_anonymous true', ...limits, ''].join('\n'))
  const mosquitto = startProgram('/usr/sbin/mosquitto', ['-c', `${place}.conf`], { logFile: `${place}.log` })
  await untilReady(mosquitto, `${place}.log`, READY_MS_MAX, () => connectAndLeave(port))
  const environment = {
    MILLRACE_KAFKA_BROKERS: kafka.brokers,
    MILLRACE_KAFKA_TOPIC_PREFIX: `${randomBytes(6).toString('hex')}.`,
    MILLRACE_KAFKA_REPLICATION_FACTOR: '1',
    MILLRACE_BRIDGE_URL: `mqtt://127.0.0.1:${port}`,
    MILLRACE_BRIDGE_TRUSTS_TOPICS: 'yes',
  }
  try {
    await fix(environment)
    const start = () => startServer(join(folder, `data-${brokerInFlight}`), [], environment)
    await withServer(start, async (server) => {
      await server.operations.call('tenants.add', { tenant: TENANT, name: 'Bench' })
      await until(server, 'bridge_connected', 1)
    })
    const figures: Figures[] = []
    for (let round = 0; round < rounds; round++) figures.push({ brokerInFlight, ...(await measureRound(port, round, start)) })
    return figures
  } finally {
    await mosquitto.stop()
  }
}

/** Fills the queue while the bridge is away, and takes the time from its coming until all is acknowledged. */
async function measureRound(port: number, round: number, start: () => Promise<BenchServer>) {
  await fill(port, Date.now() - (round + 1) * messages)
  return withServer(start, async (server) => {
    await until(server, 'bridge_acknowledged_total', 1)
    const [startMs, startCpu, before] = [
      performance.now(),
      await server.cpuSeconds(),
      await server.metric('bridge_acknowledged_total'),
    ]
    await until(server, 'bridge_acknowledged_total', messages)
    const [seconds, cpu] = [(performance.now() - startMs) / 1000, (await server.cpuSeconds()) - startCpu]
    const count = messages - before
    const figures = { messagesPerSecond: Math.round(count / seconds), messagesPerCpuSecond: Math.round(count / cpu) }
    process.stderr.write(`${JSON.stringify(figures)}\n`)
    return figures
  })
}

async function withServer<T>(start: () => Promise<BenchServer>, work: (server: BenchServer) => Promise<T>): Promise<T> {
  const server = await start()
  try {
    return await work(server)
  } finally {
    await server.stop()
  }
}

async function fill(port: number, firstMs: number): Promise<void> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`)
  for (let sent = 0; sent < messages; sent += PUBLISHED_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(PUBLISHED_AT_ONCE, messages - sent) }, (_, index) => sent + index)
    await Promise.all(
      numbers.map((n) => {
        const values = { power_w: 1234.5, energy_wh: 998877.25, temperature_c: 21.25, current_a: 3.5 }
        const readings = [{ sensor: `sensor-${n % GATEWAYS}`, ts: firstMs + n, values }]
        return client.publishAsync(`v1/${TENANT}/gw-${n % GATEWAYS}/readings`, JSON.stringify({ readings }), { qos: 1 })
      }),
    )
  }
  await client.endAsync()
}

async function until(server: BenchServer, metric: string, atLeast: number): Promise<void> {
  while ((await server.metric(metric)) < atLeast) await setTimeout(20)
}

async function connectAndLeave(port: number): Promise<boolean> {
  const probe = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 }).catch(() => undefined)
  await probe?.endAsync(true)
  return probe !== undefined
}

async function report(figures: readonly Figures[]): Promise<void> {
  const result = {
    ...runFacts(),
    messages,
    rounds: figures,
  }
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
  if (flags.save) await saveResult('bridge', result)
}
