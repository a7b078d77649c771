import type { Admin } from 'kafkajs'
import { MillraceError } from '../../runtime/errors.ts'
import { whenSettled } from './when-settled.ts'

export interface KafkaTopic {
  readonly name: string
  readonly partitions: number
  readonly retentionMs: number
}

export interface TopicReport {
  readonly name: string
  readonly state: 'made' | 'there' | 'other-partitions'
  readonly partitions: number
  /** Copies of the partition that has the fewest. */
  readonly copies: number
  /** There are fewer than would be good, because there are no more brokers and nobody has set a number. */
  readonly isShort: boolean
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
/** As many as are good, where nobody says how many. */
const COPIES_DEFAULT = 3
/** From three copies on, two must have a message before it is acknowledged: one broker may die without stopping us or losing anything. */
const REPLICAS_FOR_MIN_ISR_2 = 3
const MESSAGE_BYTES_MAX = 8 * 1_048_576

/**
 * Makes the topics that aren't there. One that is keeps its partitions and copies, whatever is asked for: with more partitions a key
 * would go elsewhere than before, and the order within it would be lost. The report says so.
 *
 * @throws {MillraceError} `event-log.unavailable` when a topic is missing and more copies are asked for than there are brokers.
 */
export async function ensureTopics(
  admin: Admin,
  topics: readonly KafkaTopic[],
  { prefix, replicationFactor }: { readonly prefix: string; readonly replicationFactor?: number },
): Promise<readonly TopicReport[]> {
  const wanted = [...topics, { name: PING_TOPIC, partitions: 1, retentionMs: PING_RETENTION_MS }]
  const brokers = (await admin.describeCluster()).brokers.length
  const copies = replicationFactor ?? Math.min(COPIES_DEFAULT, brokers)
  const made = new Set<KafkaTopic>()
  await whenSettled(async () => {
    const there = new Set(await admin.listTopics())
    const missing = wanted.filter(({ name }) => !there.has(prefix + name))
    if (missing.length === 0) return
    if (copies > brokers) throw tooFewBrokers(brokers, copies)
    for (const topic of missing) made.add(topic)
    await createTopics(admin, missing, { prefix, copies })
  })
  return whenSettled(async () => {
    const names = wanted.map(({ name }) => prefix + name)
    const shapes = await readShapes(admin, names)
    const settings = await readSettings(admin, names)
    return wanted.map((topic): TopicReport => {
      const found = shapes.get(prefix + topic.name) ?? { partitions: 0, copies: 0 }
      const state = made.has(topic) ? 'made' : found.partitions === topic.partitions ? 'there' : 'other-partitions'
      // By the copies that it has: two in sync of a topic that has one would stop it for good.
      const differences = compare(settingsOf(topic, found.copies), settings.get(prefix + topic.name) ?? new Map())
      const isOther = replicationFactor === undefined ? found.copies < copies : found.copies !== copies
      const other = { setting: 'replication.factor', wanted: String(copies), found: String(found.copies) }
      const isShort = replicationFactor === undefined && found.copies < COPIES_DEFAULT
      return { name: topic.name, state, ...found, isShort, differences: isOther ? [other, ...differences] : differences }
    })
  })
}

async function createTopics(
  admin: Admin,
  topics: readonly KafkaTopic[],
  { prefix, copies }: { readonly prefix: string; readonly copies: number },
): Promise<void> {
  await admin.createTopics({
    waitForLeaders: true,
    topics: topics.map((topic) => ({
      topic: prefix + topic.name,
      numPartitions: topic.partitions,
      replicationFactor: copies,
      configEntries: Object.entries(settingsOf(topic, copies)).map(([name, value]) => ({ name, value })),
    })),
  })
}

function tooFewBrokers(brokers: number, copies: number): MillraceError {
  const there = brokers === 1 ? 'one broker' : `${brokers} brokers`
  return new MillraceError(
    'event-log.unavailable',
    `MILLRACE_KAFKA_REPLICATION_FACTOR asks for ${copies} copies, and Kafka has ${there} now. Start those that are down, or set it lower.`,
  )
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

interface TopicShape {
  readonly partitions: number
  readonly copies: number
}

export async function readShapes(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, TopicShape>> {
  const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] })
  return new Map(
    found.map(({ name, partitions }) => [
      name,
      { partitions: partitions.length, copies: Math.min(...partitions.map(({ replicas }) => replicas.length)) },
    ]),
  )
}
