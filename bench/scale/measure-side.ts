import { setTimeout } from 'node:timers/promises'
import { BENCH_TENANT } from '../gateways.ts'
import type { LoadGateway } from '../load/connection.ts'
import { startLoad, WINDOW } from '../measure.ts'
import { cpuOfAll, type Processes } from './cpu.ts'

export interface Side {
  readonly mqttPort: number
  readonly rootPem: string
  readonly gateways: readonly LoadGateway[]
  readonly processes: Processes
  /** Kafka and InfluxDB, which both sides use: what each side costs them. */
  readonly servers: Processes
  /** Of one metric, over all sensors, from `fromMs` on. */
  countPoints(fromMs: number): Promise<number>
}

export interface SideFigures {
  readonly messages: number
  /** From the first one sent until the last one is in InfluxDB. */
  readonly seconds: number
  readonly messagesPerSecond: number
  readonly messagesPerCpuSecond: number
  readonly cpuSeconds: CpuSeconds
  /** Of Kafka and InfluxDB meanwhile. Not part of `messagesPerCpuSecond`. */
  readonly serverCpuSeconds: CpuSeconds
}

type CpuSeconds = Readonly<Record<string, number>>

const SENSORS_PER_GATEWAY = 10
const HOUR_MS = 3_600_000
/** Half a second was 6% of a round. */
const ASK_EVERY_MS = 100
const GIVE_UP_MS = 300_000
let hour = 0

/** The load, from a process of its own, until every point can be queried in InfluxDB. */
export async function measureSide(side: Side, messages: number): Promise<SideFigures> {
  hour += 2
  const firstMs = Date.now() - 72 * HOUR_MS + hour * HOUR_MS
  const load = await startLoad({
    door: { port: side.mqttPort, rootPem: side.rootPem },
    tenant: BENCH_TENANT,
    gateways: side.gateways,
    readingsPerMessage: 1,
    sensorsPerGateway: SENSORS_PER_GATEWAY,
    messages,
    window: WINDOW,
    firstMs,
  })
  const [before, serversBefore] = [await cpuOfAll(side.processes), await cpuOfAll(side.servers)]
  const startMs = performance.now()
  await load.go()
  const sentMs = performance.now()
  while ((await side.countPoints(firstMs)) < load.messages) {
    if (performance.now() - sentMs > GIVE_UP_MS) throw new Error('Not everything reached InfluxDB.')
    await setTimeout(ASK_EVERY_MS)
  }
  const seconds = (performance.now() - startMs) / 1000
  const cpuSeconds = since(before, await cpuOfAll(side.processes))
  const serverCpuSeconds = since(serversBefore, await cpuOfAll(side.servers))
  load.stop()
  const total = Object.values(cpuSeconds).reduce((sum, cpu) => sum + cpu, 0)
  return {
    messages: load.messages,
    seconds: round(seconds),
    messagesPerSecond: Math.round(load.messages / seconds),
    messagesPerCpuSecond: Math.round(load.messages / total),
    cpuSeconds,
    serverCpuSeconds,
  }
}

const since = (before: CpuSeconds, after: CpuSeconds): CpuSeconds =>
  Object.fromEntries(Object.entries(after).map(([name, cpu]) => [name, round(cpu - (before[name] ?? 0))]))

const round = (value: number): number => Math.round(value * 100) / 100
