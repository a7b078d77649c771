import { type Admin, type Kafka, Partitioners } from 'kafkajs'
import type { Consumer, EventLog, Lag, LogRecord, PollLimit, Position, TopicPartition } from '../../ports/event-log.ts'
import { MillraceError } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/log.ts'
import { createKafkaAppender } from './appender.ts'
import { createKafkaClient, type KafkaConnection } from './client.ts'
import { joinKafkaGroup } from './consumer.ts'
import { createDirectReader, type DirectReader } from './direct-reader.ts'
import { createOwnCluster } from './own-cluster.ts'
import { prepareGroups } from './prepare-groups.ts'
import { settledWithin } from './settled-within.ts'
import { ensureTopics, type KafkaTopic, PING_TOPIC, readShapes, type TopicReport } from './topics.ts'
import { asUnavailable, guarded } from './unavailable.ts'

export interface KafkaLogOptions extends KafkaConnection {
  /** By the names that we use, without the prefix. They must be there: see `ensureKafkaTopics`. */
  readonly topics: readonly string[]
  /** How long the first record of a group waits for company, milliseconds. */
  readonly lingerMs: number
  readonly compression: 'none' | 'gzip'
  readonly log: Logger
  /** A member of a consumer group that is silent for so long is replaced. */
  readonly watchdogMs?: number
  /** Records that may wait for Kafka, and their bytes; past it, appends are refused. */
  readonly bufferedRecordsMax?: number
  readonly bufferedBytesMax?: number
}

export interface KafkaLog extends EventLog {
  close(): Promise<void>
}

const WATCHDOG_MS = 60_000
/** Each waits a little for the broker. Offsets at the end that hold no record are possible, but none of ours. */
const EMPTY_READS_MAX = 40
const CLOSE_TIMEOUT_MS = 10_000

/** Makes the topics that aren't there, and says what is otherwise than asked for. @throws {MillraceError} `event-log.unavailable`. */
export function ensureKafkaTopics(
  connection: KafkaConnection,
  topics: readonly KafkaTopic[],
  { log, ...wanted }: { readonly replicationFactor?: number; readonly log: Logger },
): Promise<readonly TopicReport[]> {
  const admin = createKafkaClient(connection, log).admin()
  return guarded(async () => {
    await admin.connect()
    try {
      return await ensureTopics(admin, topics, { prefix: connection.topicPrefix, ...wanted })
    } finally {
      await admin.disconnect()
    }
  })
}

/**
 * The event log on Kafka. An append is durable once all replicas in sync have it (`acks=all`).
 *
 * @throws {MillraceError} `event-log.unavailable` when Kafka is away, or a topic isn't there.
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<KafkaLog> {
  const { topics, topicPrefix: prefix, log } = options
  const kafka = createKafkaClient(options, log)
  const admin = kafka.admin()
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
    idempotent: false,
    // Never asked, because we say the partition ourselves; left out, kafkajs warns that its choice has changed.
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  const cluster = createOwnCluster(kafka)
  const reader = createDirectReader(cluster, prefix)
  const closers = [() => producer.disconnect(), () => admin.disconnect(), () => cluster.close()]
  const partitionCounts = await guarded(() => open(admin, producer, { topics, prefix })).catch(async (cause: unknown) => {
    await settledWithin(Promise.allSettled(closers.map((close) => close())), CLOSE_TIMEOUT_MS)
    throw asUnavailable(cause)
  })
  const { append, drain } = createKafkaAppender({ ...options, producer, partitionCounts, prefix })
  const consumers = new Set<Consumer>()

  return {
    append,
    ping: () => append([{ topic: PING_TOPIC, key: 'ping', value: new Uint8Array() }]),
    ...createReads({ admin, reader, prefix, partitionCounts }),
    prepareGroups: (plans) => prepareGroups({ admin, cluster, prefix }, plans),
    async join(group, groupTopics) {
      const watchdogMs = options.watchdogMs ?? WATCHDOG_MS
      const consumer = await joinKafkaGroup({ kafka, prefix, group, topics: groupTopics, log, watchdogMs })
      const member: Consumer = {
        ...consumer,
        async close() {
          consumers.delete(member)
          await consumer.close()
        },
      }
      consumers.add(member)
      return member
    },
    async close() {
      await Promise.allSettled([...consumers].map((consumer) => consumer.close()))
      await settledWithin(drain(), CLOSE_TIMEOUT_MS)
      await settledWithin(Promise.allSettled(closers.map((close) => close())), CLOSE_TIMEOUT_MS)
    },
  }
}

async function open(
  admin: Admin,
  producer: ReturnType<Kafka['producer']>,
  { topics, prefix }: { readonly topics: readonly string[]; readonly prefix: string },
): Promise<ReadonlyMap<string, number>> {
  const connecting = [admin.connect(), producer.connect()]
  try {
    await Promise.all(connecting)
  } catch (error) {
    // One that connects after it was closed would stay.
    await settledWithin(Promise.allSettled(connecting), CLOSE_TIMEOUT_MS)
    throw error
  }
  const names = [...topics, PING_TOPIC]
  const there = new Set(await admin.listTopics())
  const missing = names.map((name) => prefix + name).filter((name) => !there.has(name))
  if (missing.length > 0) throw new Error(`There are no topics ${missing.join(', ')}. Make them with: npx millrace doctor --fix`)
  const shapes = await readShapes(
    admin,
    names.map((name) => prefix + name),
  )
  return new Map(names.map((name) => [name, shapes.get(prefix + name)?.partitions ?? 1]))
}

const unreadable = ({ topic, partition, offset }: Position): MillraceError =>
  new MillraceError(
    'event-log.unavailable',
    `Kafka has records from offset ${offset} of ${topic}/${partition} on, and they can not be read. See docs/how-to/use-kafka.md, "A damaged batch".`,
  )

interface ReadsOptions {
  readonly admin: Admin
  readonly reader: DirectReader
  readonly prefix: string
  readonly partitionCounts: ReadonlyMap<string, number>
}

function createReads({ admin, reader, prefix, partitionCounts }: ReadsOptions) {
  async function partitions(topic: string): Promise<readonly TopicPartition[]> {
    known(topic)
    const offsets = await guarded(() => admin.fetchTopicOffsets(prefix + topic))
    return offsets
      .map(({ partition, low, high }) => ({ topic, partition, firstOffset: Number(low), nextOffset: Number(high) }))
      .toSorted((left, right) => left.partition - right.partition)
  }

  function known(topic: string): void {
    if (!partitionCounts.has(topic)) throw new TypeError(`The event log has no topic ${topic}.`)
  }

  return {
    partitions,
    async read(from: Position, limit: PollLimit): Promise<readonly LogRecord[]> {
      known(from.topic)
      return guarded(async () => {
        // Kafka says nothing of an offset that isn't there but that it is out of range.
        const held = (await partitions(from.topic)).find(({ partition }) => partition === from.partition)
        if (held === undefined || from.offset >= held.nextOffset) return []
        const start = { ...from, offset: Math.max(from.offset, held.firstOffset) }
        // A broker that is busy may answer with nothing in time, although there is something: that would look like the end.
        for (let attempt = 1; ; attempt++) {
          const records = await reader.read(start, limit)
          if (records.length > 0) return records
          if (attempt === EMPTY_READS_MAX) throw unreadable(start)
        }
      })
    },
    async offsetsAt(topic: string, timeMs: number): Promise<readonly Position[]> {
      known(topic)
      const offsets = await guarded(() => admin.fetchTopicOffsetsByTimestamp(prefix + topic, timeMs))
      return offsets
        .map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
        .toSorted((left, right) => left.partition - right.partition)
    },
    async lag(group: string, topic: string): Promise<readonly Lag[]> {
      const held = await partitions(topic)
      const [found] = await guarded(() => admin.fetchOffsets({ groupId: prefix + group, topics: [prefix + topic] }))
      return held.map(({ partition, firstOffset, nextOffset }) => {
        const offset = Number(found?.partitions.find((one) => one.partition === partition)?.offset ?? -1)
        const committed = Math.max(offset, firstOffset)
        // What retention has taken is no work any more, but it must be told. Who has committed nothing begins with what is there.
        const expired = offset < 0 ? 0 : committed - offset
        return { topic, partition, committed, records: Math.max(0, nextOffset - committed), expired }
      })
    },
  }
}
