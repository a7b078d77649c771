import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Admin, Kafka, logLevel, type PartitionMetadata } from 'kafkajs'
import type { Test } from 'tap'
import { type ClusterBroker, startKafkaCluster } from '../../../scripts/services/kafka.ts'
import { until } from '../../unit/sqlite-log/open-log.ts'

export interface Cluster {
  readonly brokers: readonly string[]
  /** Who leads a partition now. */
  leaderOf(topic: string, partition: number): Promise<ClusterBroker>
  /** Who keeps the offsets of a group. */
  coordinatorOf(group: string): Promise<ClusterBroker>
  /** The others than these. */
  others(...known: readonly ClusterBroker[]): readonly ClusterBroker[]
  /** Asks that so many copies of a topic are in sync before a message is acknowledged. */
  demandInSync(topic: string, copies: number): Promise<void>
  /** Resolves once every copy of the topic is in sync. */
  untilInSync(topic: string): Promise<void>
}

const OFFSETS_TOPIC = '__consumer_offsets'
/** What kafkajs calls `ConfigResourceTypes.TOPIC`. */
const TOPIC_RESOURCE = 2

/** Three real brokers, gone after the test. */
export async function startCluster(t: Test): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-brokers-'))
  const servers = await startKafkaCluster(folder, 3)
  t.teardown(async () => {
    await Promise.all(servers.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  })
  const brokers = servers.map((server) => server.brokers)

  async function partitions(topic: string): Promise<readonly PartitionMetadata[]> {
    return withAdmin(brokers, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions ?? []
    })
  }

  async function leaderOf(topic: string, partition: number): Promise<ClusterBroker> {
    const id = (await partitions(topic)).find(({ partitionId }) => partitionId === partition)?.leader
    const server = servers.find((one) => one.id === id)
    if (server === undefined) throw new Error(`Nobody leads partition ${partition} of ${topic}.`)
    return server
  }

  return {
    brokers,
    leaderOf,
    coordinatorOf: async (group) => leaderOf(OFFSETS_TOPIC, Math.abs(javaHash(group)) % (await partitions(OFFSETS_TOPIC)).length),
    others: (...known) => servers.filter((server) => !known.includes(server)),
    demandInSync: (topic, copies) =>
      withAdmin(brokers, async (admin) => {
        const configEntries = [{ name: 'min.insync.replicas', value: String(copies) }]
        await admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC_RESOURCE, name: topic, configEntries }] })
      }),
    untilInSync: (topic) =>
      until(async () => (await partitions(topic)).every(({ isr, replicas }) => isr.length === replicas.length)),
  }
}

async function withAdmin<T>(brokers: readonly string[], work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** By `String.hashCode` Kafka finds the partition that holds a group's offsets. */
function javaHash(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0
  return hash
}
