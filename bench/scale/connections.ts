// `npm run bench:connections`: thousands of connections with client certificates on one listener: ramp, hold, a reconnect storm; what it costs.
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { BENCH_TENANT, enrolGateways } from '../gateways.ts'
import type { LoadGateway } from '../load/connection.ts'
import { startLoad } from '../measure.ts'
import { runFacts, saveResult } from '../save-result.ts'
import { type BenchServer, makeFolder, startServer } from '../server.ts'

const { values: flags } = parseArgs({
  options: { connections: { type: 'string', default: '10000' }, save: { type: 'boolean', default: false } },
})
const count = Number(flags.connections)
const HOLD_S = 20
const MIB = 1_048_576
const tell = (text: string): void => void process.stderr.write(`${text}\n`)

interface Phase {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly memoryMiB: number
}

async function measure<T>(server: BenchServer, work: () => Promise<T>): Promise<Phase & { readonly result: T }> {
  const cpu = await server.cpuSeconds()
  const startMs = performance.now()
  const result = await work()
  const seconds = Math.round((performance.now() - startMs) / 100) / 10
  const used = Math.round(((await server.cpuSeconds()) - cpu) * 100) / 100
  return { result, seconds, cpuSeconds: used, memoryMiB: Math.round((await server.memory()).now / MIB) }
}

const orderOf = (server: BenchServer, rootPem: string, gateways: readonly LoadGateway[], messages: number) => ({
  door: { port: server.mqttPort, rootPem },
  tenant: BENCH_TENANT,
  gateways,
  readingsPerMessage: 1,
  sensorsPerGateway: 1,
  messages,
  window: 20,
  firstMs: Date.now() - 3_600_000,
})

const place = await makeFolder()
process.env.MILLRACE_MQTT_CONNECTIONS_MAX = String(count + 100)
process.env.MILLRACE_MQTT_CONNECTIONS_PER_TENANT_MAX = String(count + 100)
try {
  const enrolling = await startServer(place.folder)
  tell(`enrolling ${count} gateways …`)
  const { rootPem, gateways } = await enrolGateways(enrolling.operations, count)
  await enrolling.stop()
  const server = await startServer(place.folder)
  try {
    const idle = await measure(server, () => setTimeout(1_000))
    tell('ramp …')
    const ramp = await measure(server, () => startLoad(orderOf(server, rootPem, gateways, count * HOLD_S)))
    tell('hold, each publishing once in ten seconds …')
    ramp.result.stop()
    const load = await startLoad({ ...orderOf(server, rootPem, gateways, count * (HOLD_S / 10)), rate: count / 10 })
    const hold = await measure(server, () => load.go())
    tell('storm: all connections break at once, and all come again …')
    load.stop()
    const storm = await measure(server, () => startLoad(orderOf(server, rootPem, gateways, count)))
    const connected = await server.metric('ingest_connections')
    storm.result.stop()
    const strip = ({ seconds, cpuSeconds, memoryMiB }: Phase): Phase => ({ seconds, cpuSeconds, memoryMiB })
    const result = {
      ...runFacts(),
      connections: count,
      connectedAfterTheStorm: connected,
      idle: strip(idle),
      ramp: strip(ramp),
      hold: { ...strip(hold), messagesPerSecond: count / 10 },
      storm: strip(storm),
    }
    process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
    if (flags.save) await saveResult('connections', result)
  } finally {
    await server.stop()
  }
} finally {
  await place.remove()
}
