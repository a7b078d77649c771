// Another client behind the port of the event log, no part of the product: to see by the contract suite what it keeps to, and what it costs.
import { Admin, type Consumer as Client, Consumer as PlatformaticConsumer, ProduceAcks, Producer } from '@platformatic/kafka'
import type { EventLog, Lag, NewRecord, Position, TopicPartition } from '../../platform/ports/event-log.ts'
import { createGroupCommit } from '../../platform/runtime/group-commit.ts'
import { createPartitioner } from '../../platform/runtime/partition.ts'
import { baseOf, groupIdOf, guarded, type PlatformaticOptions } from './platformatic-base.ts'
import { joinPlatformaticGroup } from './platformatic-group.ts'
import { createPlatformaticReads } from './platformatic-reads.ts'

export type PlatformaticLog = EventLog & { close(): Promise<void> }

const PING_TOPIC = 'ping.v1'
const EARLIEST = -2n
const LATEST = -1n

export async function openPlatformaticLog(options: PlatformaticOptions): Promise<PlatformaticLog> {
  const { topicPrefix: prefix, topics } = options
  const base = baseOf(options)
  const admin = new Admin(base)
  // In no group: it lists offsets and fetches.
  const reader = new PlatformaticConsumer({ ...base, groupId: `${prefix}none` })
  const appender = createAppender(options)
  const closers = new Set<() => Promise<void>>()

  function known(topic: string): string {
    if (!topics.has(topic)) throw new TypeError(`The event log has no topic ${topic}.`)
    return prefix + topic
  }

  async function partitions(topic: string): Promise<readonly TopicPartition[]> {
    const named = known(topic)
    const [first, next] = [await offsets(reader, named, EARLIEST), await offsets(reader, named, LATEST)]
    return next.map((nextOffset, partition) => ({ topic, partition, firstOffset: first[partition] ?? 0, nextOffset }))
  }

  return {
    append: appender.append,
    ping: () => appender.append([{ topic: PING_TOPIC, key: 'ping', value: new Uint8Array() }]),
    partitions,
    read: createPlatformaticReads(reader, { known, partitions }),
    prepareGroups: () => Promise.reject(new Error('Not part of the comparison.')),
    async offsetsAt(topic, timeMs): Promise<readonly Position[]> {
      const [found, ends] = [await offsets(reader, known(topic), BigInt(timeMs)), await partitions(topic)]
      return ends.map(({ partition, nextOffset }) => {
        const offset = found[partition] ?? -1
        return { topic, partition, offset: offset < 0 ? nextOffset : offset }
      })
    },
    async lag(group, topic): Promise<readonly Lag[]> {
      const held = await partitions(topic)
      const wanted = {
        groupId: groupIdOf(prefix, group),
        topics: [{ name: known(topic), partitionIndexes: held.map(({ partition }) => partition) }],
      }
      const [answer] = await guarded(() => admin.listConsumerGroupOffsets({ groups: [wanted] }))
      const found = answer?.topics[0]?.partitions ?? []
      return held.map(({ partition, firstOffset, nextOffset }) => {
        const offset = Number(found.find(({ partitionIndex }) => partitionIndex === partition)?.committedOffset ?? -1)
        const committed = Math.max(offset, firstOffset)
        return { topic, partition, committed, records: Math.max(0, nextOffset - committed), expired: 0 }
      })
    },
    async join(group, names) {
      const consumer = await joinPlatformaticGroup(options, group, names)
      closers.add(consumer.close)
      return consumer
    },
    async close() {
      for (const close of closers) await close()
      await appender.close()
      await Promise.all([reader.close(true), admin.close()])
    },
  }
}

async function offsets(client: Client, topic: string, timestamp: bigint): Promise<readonly number[]> {
  const found = await guarded(() => client.listOffsets({ topics: [topic], timestamp }))
  return (found.get(topic) ?? []).map(Number)
}

function createAppender(options: PlatformaticOptions) {
  const { topicPrefix: prefix, topics, lingerMs } = options
  const producer = new Producer({ ...baseOf(options), acks: ProduceAcks.ALL, idempotent: false })
  const partitionFor = createPartitioner(topics)
  const toMessage = ({ topic, key, value, headers }: NewRecord) => ({
    topic: prefix + topic,
    key: Buffer.from(key),
    value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    partition: partitionFor(topic, key),
    ...(headers && { headers: new Map(Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)])) }),
  })
  const { append, drain } = createGroupCommit({
    lingerMs,
    send: (records) => guarded(async () => void (await producer.send({ messages: records.map(toMessage) }))),
    fault: ({ topic }) => (topics.has(topic) || topic === PING_TOPIC ? undefined : `The event log has no topic ${topic}.`),
  })
  return {
    append,
    async close() {
      await drain()
      await producer.close()
    },
  }
}
