import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { BENCH_TENANT } from './gateways.ts'
import type { LoadGateway } from './load/connection.ts'
import type { LoadOrder, LoadReply } from './load/process.ts'
import { VALUES_PER_READING } from './payload.ts'
import type { BenchServer } from './server.ts'

export interface Case {
  readonly connections: number
  readonly readingsPerMessage: number
  readonly messages: number
}

export interface Figures extends Case {
  /** From the first one sent until the last one is in the store. */
  readonly messagesPerSecond: number
  readonly messagesPerCpuSecond: number
  readonly valuesPerCpuSecond: number
  readonly cpuSecondsPer100kMessages: number
  readonly memoryIdleMiB: number
  readonly memoryMostMiB: number
}

/** As much of a running product as load and probes need. */
export interface LoadedBench extends Omit<Bench, 'server'> {
  readonly server: Pick<BenchServer, 'mqttPort' | 'apiUrl' | 'operations'>
}

export interface Bench {
  readonly server: BenchServer
  readonly rootPem: string
  readonly gateways: readonly LoadGateway[]
}

export interface Held {
  readonly connections: number
  readonly messagesPerSecond: number
  readonly memoryMiB: number
}

/** What the process takes with every connection open and each of them publishing once a second: an ordinary day. */
export async function measureHeld(bench: Bench, connections: number, seconds: number): Promise<Held> {
  const order = orderFor(bench, { connections, readingsPerMessage: 1, messages: connections * seconds })
  const load = await startLoad({ ...order, rate: connections })
  await load.go()
  const { now } = await bench.server.memory()
  load.stop()
  return { connections, messagesPerSecond: connections, memoryMiB: Math.round(now / MIB) }
}

/** As many as Mosquitto's clients keep in flight by default. */
export const WINDOW = 20
const SENSORS_PER_GATEWAY = 10
const MIB = 1_048_576
/** Each case writes an hour of its own, so that none overwrites another's readings. */
const HOUR_MS = 3_600_000
let hour = 0

/** Sends one case's messages and waits until all of them are in the store: the CPU of the log, the store and every thread is in the figures. */
export async function measureCase({ server, rootPem, gateways }: Bench, wanted: Case): Promise<Figures> {
  const load = await startLoad(orderFor({ server, rootPem, gateways }, wanted))
  const idle = await server.memory()
  await server.resetMemory()
  const before = await stored(server)
  const startCpu = await server.cpuSeconds()
  const startMs = performance.now()
  await load.go()
  await untilStored(server, before + load.messages)
  const seconds = (performance.now() - startMs) / 1000
  const cpu = (await server.cpuSeconds()) - startCpu
  const { most } = await server.memory()
  load.stop()
  const perCpu = load.messages / cpu
  return {
    ...wanted,
    messages: load.messages,
    messagesPerSecond: Math.round(load.messages / seconds),
    messagesPerCpuSecond: Math.round(perCpu),
    valuesPerCpuSecond: Math.round(perCpu * wanted.readingsPerMessage * VALUES_PER_READING),
    cpuSecondsPer100kMessages: Math.round((100_000 / perCpu) * 100) / 100,
    memoryIdleMiB: Math.round(idle.now / MIB),
    memoryMostMiB: Math.round(most / MIB),
  }
}

export function orderFor(
  { server, rootPem, gateways }: LoadedBench,
  { connections, readingsPerMessage, messages }: Case,
): LoadOrder {
  hour++
  return {
    door: { port: server.mqttPort, rootPem },
    tenant: BENCH_TENANT,
    gateways: gateways.slice(0, connections),
    readingsPerMessage,
    sensorsPerGateway: SENSORS_PER_GATEWAY,
    messages,
    window: connections === 1 ? WINDOW * 10 : WINDOW,
    firstMs: Date.now() - 48 * HOUR_MS + hour * HOUR_MS,
  }
}

export async function startLoad(order: LoadOrder) {
  const child = fork(new URL('./load/process.ts', import.meta.url))
  await ask(child, order)
  return {
    messages: Math.ceil(order.messages / order.gateways.length) * order.gateways.length,
    async go(): Promise<number> {
      const reply = await ask(child, 'go')
      return reply.kind === 'done' ? reply.seconds : 0
    },
    stop: () => child.kill(),
  }
}

async function ask(child: ChildProcess, message: LoadOrder | 'go'): Promise<LoadReply> {
  child.send(message)
  const [reply]: LoadReply[] = await once(child, 'message')
  if (reply === undefined || reply.kind === 'failed') throw new Error(`The load failed: ${reply?.message}`)
  return reply
}

const stored = (server: BenchServer): Promise<number> => server.metric('process_records_total', 'processor="store"')

async function untilStored(server: BenchServer, count: number): Promise<void> {
  const deadline = performance.now() + 120_000
  while ((await stored(server)) < count) {
    if (performance.now() > deadline) throw new Error('Not everything was stored within two minutes.')
    await setTimeout(50)
  }
}
