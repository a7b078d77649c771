import { CompressionTypes, type Producer } from 'kafkajs'
import type { NewRecord } from '../../ports/event-log.ts'
import { createGroupCommit, type GroupCommit } from '../../runtime/group-commit.ts'
import { createPartitioner, groupByPartition } from '../../runtime/partition.ts'
import { guarded } from './unavailable.ts'

export interface KafkaAppenderOptions {
  readonly producer: Producer
  /** By our name of the topic. */
  readonly partitionCounts: ReadonlyMap<string, number>
  readonly prefix: string
  readonly lingerMs: number
  readonly compression: 'none' | 'gzip'
}

/** All replicas that are in sync have it. */
const ACKS_ALL = -1
/** What the leader waits for them. */
const ACKS_TIMEOUT_MS = 5_000

/**
 * Appends gather while one request is on its way, so there is one at a time, which keeps the order of a key whatever is tried again.
 * The producer isn't idempotent, because kafkajs' loses records in silence (tulios/kafkajs#1005): a record may be there twice, and
 * what is read from it is written under a key that doesn't mind.
 */
export function createKafkaAppender(options: KafkaAppenderOptions): GroupCommit {
  const { producer, partitionCounts, prefix, lingerMs } = options
  const partitionFor = createPartitioner(partitionCounts)
  const compression = options.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None

  async function send(records: readonly NewRecord[]): Promise<void> {
    const topicMessages = groupByPartition(records, partitionFor).map(({ topic, partition, records: list }) => ({
      topic: prefix + topic,
      messages: list.map(({ key, value, headers }) => ({
        key,
        value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
        partition,
        ...(headers && { headers: { ...headers } }),
      })),
    }))
    await guarded(() => producer.sendBatch({ acks: ACKS_ALL, timeout: ACKS_TIMEOUT_MS, compression, topicMessages }))
  }

  return createGroupCommit({
    send,
    lingerMs,
    fault: ({ topic }) => (partitionCounts.has(topic) ? undefined : `The event log has no topic ${topic}.`),
  })
}
