import { Consumer, ProduceAcks, Producer, stringDeserializers } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import type { EventLog, NewRecord } from '../../platform/ports/event-log.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { partitionOf } from '../../platform/runtime/partition.ts'
import { openPlatformaticLog } from './platformatic-log.ts'

export const CLIENTS = ['adapter', 'kafkajs', 'platformatic', 'candidate'] as const
export type ClientName = (typeof CLIENTS)[number]

export const TOPIC = 'bench.v1'
export const PARTITIONS = 4
const GROUP = 'bench'
const CLIENT_ID = 'bench'
const LINGER_MS = 2

export interface BenchClient {
  /** Resolves when all in-sync replicas have them. */
  produce(records: readonly NewRecord[]): Promise<void>
  /** Reads so many from the beginning, committing as it goes. */
  consume(count: number): Promise<void>
  close(): Promise<void>
}

export interface Place {
  readonly brokers: readonly string[]
  readonly prefix: string
}

/** All of them with `acks=all`, the partition given, no headers, no compression, not idempotent. */
export function openClient(name: ClientName, place: Place): Promise<BenchClient> {
  return OPEN[name](place)
}

const OPEN: Readonly<Record<ClientName, (place: Place) => Promise<BenchClient>>> = {
  adapter: openAdapter,
  kafkajs: openKafkaJs,
  platformatic: openPlatformatic,
  candidate: openCandidate,
}

/** What the product uses. */
async function openAdapter({ brokers, prefix }: Place): Promise<BenchClient> {
  // Loaded by who uses it: it changes kafkajs from the inside, and kafkajs alone is to be measured as it is.
  const { openKafkaLog } = await import('../../platform/adapters/kafka/open.ts')
  const log = createLogger({ level: 'silent', part: 'bench', isPretty: false })
  const options = { brokers, clientId: CLIENT_ID, topicPrefix: prefix, topics: [TOPIC], lingerMs: LINGER_MS, log }
  return throughPort(await openKafkaLog({ ...options, compression: 'none' }))
}

/** @platformatic/kafka behind the same port. */
async function openCandidate({ brokers, prefix }: Place): Promise<BenchClient> {
  const topics = new Map([[TOPIC, PARTITIONS]])
  return throughPort(await openPlatformaticLog({ brokers, topicPrefix: prefix, topics, lingerMs: LINGER_MS }))
}

function throughPort(opened: EventLog & { close(): Promise<void> }): BenchClient {
  return {
    // One append a message, as ingest makes them.
    async produce(records) {
      await Promise.all(records.map((record) => opened.append([record])))
    },
    async consume(count) {
      const consumer = await opened.join(GROUP, [TOPIC])
      const { signal } = new AbortController()
      for (let read = 0; read < count; ) {
        read += (await consumer.poll({ recordsMax: 5_000, bytesMax: 4_194_304 }, signal)).length
        await consumer.commit()
      }
      await consumer.close()
    },
    close: () => opened.close(),
  }
}

async function openKafkaJs({ brokers, prefix }: Place): Promise<BenchClient> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: CLIENT_ID, logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: false, maxInFlightRequests: 1 })
  await producer.connect()
  return {
    async produce(records) {
      const messages = records.map(({ key, value }) => ({
        key,
        value: Buffer.from(value),
        partition: partitionOf(key, PARTITIONS),
      }))
      await producer.send({ topic: prefix + TOPIC, acks: -1, messages })
    },
    async consume(count) {
      const consumer = kafka.consumer({ groupId: prefix + GROUP })
      await consumer.connect()
      await consumer.subscribe({ topics: [prefix + TOPIC], fromBeginning: true })
      let read = 0
      const { promise, resolve } = Promise.withResolvers<void>()
      await consumer.run({
        eachBatch: async ({ batch }) => {
          read += batch.messages.length
          if (read >= count) resolve()
        },
      })
      await promise
      await consumer.disconnect()
    },
    close: () => producer.disconnect(),
  }
}

async function openPlatformatic({ brokers, prefix }: Place): Promise<BenchClient> {
  const base = { clientId: CLIENT_ID, bootstrapBrokers: [...brokers], autocreateTopics: false }
  const producer = new Producer({ ...base, acks: ProduceAcks.ALL, idempotent: false })
  return {
    async produce(records) {
      const messages = records.map(({ key, value }) => ({
        topic: prefix + TOPIC,
        key: Buffer.from(key),
        value: Buffer.from(value),
        partition: partitionOf(key, PARTITIONS),
      }))
      await producer.send({ messages })
    },
    async consume(count) {
      const consumer = new Consumer({ ...base, groupId: prefix + GROUP, deserializers: { key: stringDeserializers.key } })
      const stream = await consumer.consume({
        topics: [prefix + TOPIC],
        mode: 'earliest',
        autocommit: 100,
        minBytes: 1,
        maxWaitTime: 250,
      })
      let read = 0
      for await (const _ of stream) if (++read >= count) break
      await stream.close()
      await consumer.close(true)
    },
    close: () => producer.close(),
  }
}
