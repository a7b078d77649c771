// Which Kafka client costs the least: the same records through our adapter on kafkajs, kafkajs alone, @platformatic/kafka alone, and behind
// the same port, to one broker.
// A process for each, so that none pays for another's memory. `node bench/kafka-clients.ts [--json]`

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureKafkaTopics } from '../platform/adapters/kafka/open.ts'
import { createLogger } from '../platform/runtime/log.ts'
import { givenAddress, serviceOf } from '../scripts/services/services.ts'
import { runningServices } from '../scripts/services/state.ts'
import { CLIENTS, PARTITIONS, TOPIC } from './kafka-clients/clients.ts'
import type { ClientFigures } from './kafka-clients/measure.ts'

const PROGRAM = fileURLToPath(new URL('./kafka-clients/measure.ts', import.meta.url))
const ROUNDS = 3
const TOPICS = [{ name: TOPIC, partitions: PARTITIONS, retentionMs: 86_400_000 }]
const log = createLogger({ level: 'silent', part: 'bench', isPretty: false })

const shared = givenAddress('kafka') ?? runningServices().find(({ name }) => name === 'kafka')?.address
const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-kafka-'))
const own = shared === undefined ? await serviceOf('kafka').start(folder) : undefined
const { brokers = '' } = shared ?? own?.address ?? {}
try {
  const figures: ClientFigures[] = []
  // Round by round, so that what else the machine does meets all of them.
  for (let round = 0; round < ROUNDS; round++) {
    for (const client of CLIENTS) figures.push(await measure(client))
  }
  report(figures)
} finally {
  await own?.stop()
  await rm(folder, { recursive: true, force: true })
}

async function measure(client: string): Promise<ClientFigures> {
  const topicPrefix = `bench-${randomBytes(6).toString('hex')}.`
  await ensureKafkaTopics({ brokers: brokers.split(','), clientId: 'bench', topicPrefix }, TOPICS, { replicationFactor: 1, log })
  const child = spawn(process.execPath, [PROGRAM, client, brokers, topicPrefix], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${client} ended with ${code}.`)
  return JSON.parse(text)
}

/** The middle one of each client's rounds, by what a CPU-second gave. */
function report(figures: readonly ClientFigures[]): void {
  const middle = CLIENTS.flatMap((client) => {
    const rounds = figures.filter((one) => one.client === client)
    const sorted = rounds.toSorted((left, right) => left.producedPerCpuSecond - right.producedPerCpuSecond)
    return sorted[Math.floor(sorted.length / 2)] ?? []
  })
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ middle, rounds: figures }, undefined, 2)}\n`)
    return
  }
  process.stdout.write('client, produced a CPU-second, a second, consumed a CPU-second, a second, MiB at the most\n')
  for (const { client, ...figure } of middle) process.stdout.write(`${client}: ${Object.values(figure).join(', ')}\n`)
}
