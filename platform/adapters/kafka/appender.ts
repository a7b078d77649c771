import { CompressionTypes, type Message, type Producer } from 'kafkajs'
import { asBuffer } from '../../../schemas/as-buffer.ts'
import { type NewRecord, sizeOf } from '../../ports/event-log.ts'
import { MillraceError } from '../../runtime/errors.ts'
import { createGroupCommit, type GroupCommit } from '../../runtime/group-commit.ts'
import { createPartitioner, groupByPartition } from '../../runtime/partition.ts'
import { boundAppends } from './bound-appends.ts'
import { chunkBySize } from './chunk-by-size.ts'
import { guarded } from './unavailable.ts'

export interface KafkaAppenderOptions {
  readonly producer: Pick<Producer, 'sendBatch'>
  /** By our name of the topic. */
  readonly partitionCounts: ReadonlyMap<string, number>
  readonly prefix: string
  readonly lingerMs: number
  readonly compression: 'none' | 'gzip'
  /** Records that may wait for Kafka; past it, appends are refused. */
  readonly bufferedRecordsMax?: number
  readonly bufferedBytesMax?: number
}

/** All replicas that are in sync have it. */
const ACKS_ALL = -1
/** What the leader waits for them. */
const ACKS_TIMEOUT_MS = 5_000
/** Of one request. Well below `max.message.bytes` of our topics, so that all of it may go to one partition. */
const REQUEST_BYTES_MAX = 4 * 1_048_576
/** What Kafka takes of one record; the rest of `max.message.bytes` is for its key and headers. */
export const RECORD_BYTES_MAX = 7 * 1_048_576
/** As many as ingest may have under way at its largest settings. */
const BUFFERED_RECORDS_MAX = 1_000_000
const BUFFERED_BYTES_MAX = 1_073_741_824
/** A request that failed after so long found nobody there; what waited behind it has waited long enough. */
const LONG_MS = 5_000

/**
 * Appends gather while one request is on its way, so there is one at a time, which keeps the order of a key whatever is tried again.
 * The producer isn't idempotent, because kafkajs' loses records in silence (tulios/kafkajs#1005): a record may be there twice, and
 * what is read from it is written under a key that doesn't mind.
 */
export function createKafkaAppender(options: KafkaAppenderOptions): GroupCommit {
  const { producer, partitionCounts, prefix, lingerMs } = options
  const partitionFor = createPartitioner(partitionCounts)
  const compression = options.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None
  /** Records that waited behind a request that nobody answered. */
  let doomed = 0

  async function send(records: readonly NewRecord[]): Promise<void> {
    if (doomed > 0) {
      doomed -= records.length
      throw new MillraceError('event-log.unavailable', 'Kafka did not answer those that were before.')
    }
    const startMs = performance.now()
    try {
      for (const chunk of chunkBySize(records, REQUEST_BYTES_MAX)) await sendOne(chunk)
    } catch (error) {
      if (performance.now() - startMs >= LONG_MS) doomed = waitingRecords() - records.length
      throw error
    }
  }

  async function sendOne(records: readonly NewRecord[]): Promise<void> {
    const groups = groupByPartition(records, partitionFor)
    const topicMessages = [...Map.groupBy(groups, ({ topic }) => topic)].map(([topic, list]) => ({
      topic: prefix + topic,
      messages: grouped(list.map((group) => [group.partition, group.records.map(toMessage)])),
    }))
    const answers = await guarded(() =>
      producer.sendBatch({ acks: ACKS_ALL, timeout: ACKS_TIMEOUT_MS, compression, topicMessages }),
    )
    const isThere = groups.every(({ topic, partition }) =>
      answers.some((answer) => answer.topicName === prefix + topic && answer.partition === partition),
    )
    // kafkajs leaves out, without a word, what belongs to a partition that it doesn't know.
    if (!isThere) throw new MillraceError('event-log.unavailable', 'Kafka has other partitions than when the log was opened.')
  }

  function fault(record: NewRecord): string | undefined {
    if (!partitionCounts.has(record.topic)) return `The event log has no topic ${record.topic}.`
    const isTooLarge = sizeOf(record) > RECORD_BYTES_MAX
    return isTooLarge ? `A record of ${sizeOf(record)} bytes is larger than ${RECORD_BYTES_MAX}.` : undefined
  }

  const { append, drain } = createGroupCommit({ send, fault, lingerMs })
  const { bufferedRecordsMax: recordsMax = BUFFERED_RECORDS_MAX, bufferedBytesMax: bytesMax = BUFFERED_BYTES_MAX } = options
  const bound = boundAppends(append, { recordsMax, bytesMax })
  const { waitingRecords } = bound
  return { append: bound.append, drain }
}

const toMessage = ({ key, value, headers }: NewRecord): Message => ({
  key,
  value: asBuffer(value),
  ...(headers && { headers: { ...headers } }),
})

/**
 * kafkajs sorts messages by partition with `messages.reduce`, copying all that it has for each one that it adds, which grows with
 * the square of a batch. They are sorted already, so the answer is given.
 */
function grouped(byPartition: readonly (readonly [number, Message[]])[]): Message[] {
  const sorted = Object.fromEntries(byPartition)
  return Object.assign(
    byPartition.flatMap(([, messages]) => messages),
    { reduce: () => sorted },
  )
}
