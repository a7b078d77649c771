// One client in a process of its own: produces and reads back, and prints what that cost as JSON.

import type { NewRecord } from '../../platform/ports/event-log.ts'
import { CLIENTS, type ClientName, openClient, TOPIC } from './clients.ts'

export interface ClientFigures {
  readonly client: ClientName
  readonly producedPerCpuSecond: number
  readonly producedPerSecond: number
  readonly consumedPerCpuSecond: number
  readonly consumedPerSecond: number
  readonly memoryMostMiB: number
}

const RECORDS = 400_000
const WARM_UP_RECORDS = 50_000
/** As many as gather while a request is on its way. */
const BATCH_RECORDS = 2_000
const VALUE_BYTES = 150
const KEYS = 200

const [, , wanted = '', brokerList = '', prefix = ''] = process.argv
const client = CLIENTS.find((name) => name === wanted)
if (client === undefined) throw new Error(`One of ${CLIENTS.join(', ')}.`)
const opened = await openClient(client, { brokers: brokerList.split(','), prefix })
await produce(WARM_UP_RECORDS)
const produced = await cost(() => produce(RECORDS))
const consumed = await cost(() => opened.consume(WARM_UP_RECORDS + RECORDS))
await opened.close()
const figures: ClientFigures = {
  client,
  producedPerCpuSecond: Math.round(RECORDS / produced.cpuSeconds),
  producedPerSecond: Math.round(RECORDS / produced.seconds),
  consumedPerCpuSecond: Math.round((WARM_UP_RECORDS + RECORDS) / consumed.cpuSeconds),
  consumedPerSecond: Math.round((WARM_UP_RECORDS + RECORDS) / consumed.seconds),
  memoryMostMiB: Math.round(process.resourceUsage().maxRSS / 1024),
}
process.stdout.write(JSON.stringify(figures))
process.exit()

async function produce(count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += BATCH_RECORDS) {
    const records: NewRecord[] = Array.from({ length: BATCH_RECORDS }, (_, index) => ({
      topic: TOPIC,
      key: `tenant/gateway-${(sent + index) % KEYS}`,
      value: Buffer.alloc(VALUE_BYTES, index),
    }))
    await opened.produce(records)
  }
}

async function cost(work: () => Promise<void>): Promise<{ readonly seconds: number; readonly cpuSeconds: number }> {
  const startMs = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (performance.now() - startMs) / 1000, cpuSeconds: (user + system) / 1e6 }
}
