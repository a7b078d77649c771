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
  /** Settings of the topic that are not what we would make it with. They are left as they are. */
  readonly differences: readonly TopicDifference[]
}

export interface TopicDifference {
  readonly setting: string
  readonly wanted: string
  readonly found: string
}

/** `ping` makes something durable here, and nobody reads it. */
export const PING_TOPIC = 'ping.v1'
/** What kafkajs calls `ConfigResourceTypes.TOPIC`, in a way that an import doesn't find. */
const TOPIC_RESOURCE = 2
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
  const missing = new Set(wanted.filter(({ name }) => !there.has(prefix + name)))
  if (missing.size > 0) {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [...missing].map((topic) => ({
        topic: prefix + topic.name,
        numPartitions: topic.partitions,
        replicationFactor,
        configEntries: Object.entries(settingsOf(topic, replicationFactor)).map(([name, value]) => ({ name, value })),
      })),
    })
  }
  const names = wanted.map(({ name }) => prefix + name)
  const counts = await countPartitions(admin, names)
  const settings = await readSettings(admin, names)
  return wanted.map((topic) => {
    const { name, partitions } = topic
    const found = counts.get(prefix + name) ?? 0
    const state = missing.has(topic) ? 'made' : found === partitions ? 'there' : 'other-partitions'
    const differences = compare(settingsOf(topic, replicationFactor), settings.get(prefix + name) ?? new Map())
    return { name, state, partitions: found, differences }
  })
}

function settingsOf({ retentionMs }: KafkaTopic, replicationFactor: number): Readonly<Record<string, string>> {
  return {
    'cleanup.policy': 'delete',
    'retention.ms': String(retentionMs),
    'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': String(MESSAGE_BYTES_MAX),
    'unclean.leader.election.enable': 'false',
    'min.insync.replicas': replicationFactor >= REPLICAS_FOR_MIN_ISR_2 ? '2' : '1',
  }
}

type Settings = ReadonlyMap<string, string>

async function readSettings(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, Settings>> {
  const resources = topics.map((name) => ({ type: TOPIC_RESOURCE, name }))
  const { resources: found } = await admin.describeConfigs({ resources, includeSynonyms: false })
  return new Map(
    found.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  )
}

function compare(wanted: Readonly<Record<string, string>>, settings: Settings): readonly TopicDifference[] {
  return Object.entries(wanted)
    .map(([setting, value]) => ({ setting, wanted: value, found: settings.get(setting) ?? '' }))
    .filter((difference) => difference.wanted !== difference.found)
}

export async function countPartitions(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] })
  return new Map(found.map(({ name, partitions }) => [name, partitions.length]))
}
