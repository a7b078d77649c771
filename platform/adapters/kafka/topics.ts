import type { Admin } from 'kafkajs'

export interface KafkaTopic {
  readonly name: string
  readonly partitions: number
  readonly retentionMs: number
}

export interface TopicReport {
  readonly name: string
  readonly state: 'made' | 'there' | 'other-partitions'
  readonly partitions: number
}

/** `ping` makes something durable here, and nobody reads it. */
export const PING_TOPIC = 'ping.v1'
const PING_RETENTION_MS = 3_600_000
/** From three copies on, two must have a message before it is acknowledged: one broker may die without stopping us or losing anything. */
const REPLICAS_FOR_MIN_ISR_2 = 3
const MESSAGE_BYTES_MAX = 8 * 1_048_576

/**
 * Makes the topics that aren't there. One that is keeps its partitions, whatever is asked for: with more of them a key would go
 * elsewhere than before, and the order within it would be lost. The report says so.
 */
export async function ensureTopics(
  admin: Admin,
  topics: readonly KafkaTopic[],
  { prefix, replicationFactor }: { readonly prefix: string; readonly replicationFactor: number },
): Promise<readonly TopicReport[]> {
  const wanted = [...topics, { name: PING_TOPIC, partitions: 1, retentionMs: PING_RETENTION_MS }]
  const there = new Set(await admin.listTopics())
  const missing = wanted.filter(({ name }) => !there.has(prefix + name))
  if (missing.length > 0) {
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map(({ name, partitions, retentionMs }) => ({
        topic: prefix + name,
        numPartitions: partitions,
        replicationFactor,
        configEntries: Object.entries({
          'cleanup.policy': 'delete',
          'retention.ms': retentionMs,
          'message.timestamp.type': 'LogAppendTime',
          'max.message.bytes': MESSAGE_BYTES_MAX,
          'unclean.leader.election.enable': false,
          'min.insync.replicas': replicationFactor >= REPLICAS_FOR_MIN_ISR_2 ? 2 : 1,
        }).map(([name, value]) => ({ name, value: String(value) })),
      })),
    })
  }
  const counts = await countPartitions(
    admin,
    wanted.map(({ name }) => prefix + name),
  )
  return wanted.map(({ name, partitions }) => {
    const found = counts.get(prefix + name) ?? 0
    const state = missing.some((topic) => topic.name === name) ? 'made' : found === partitions ? 'there' : 'other-partitions'
    return { name, state, partitions: found }
  })
}

export async function countPartitions(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] })
  return new Map(found.map(({ name, partitions }) => [name, partitions.length]))
}
