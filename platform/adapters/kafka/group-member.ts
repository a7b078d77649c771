import type { EachBatchPayload, Kafka, Consumer as KafkaConsumer } from 'kafkajs'
import type { LogRecord, Place } from '../../ports/event-log.ts'
import { type BatchSource, markBatches, sourceOf } from './batch-source.ts'
import { toRecord } from './to-record.ts'

export interface Fetched {
  readonly topic: string
  readonly partition: number
  readonly records: readonly LogRecord[]
  readonly source: BatchSource
}

/** Told what happens to a member, by the one who holds it. */
export interface MemberEvents {
  /** @returns true when no more of this partition should be fetched until it is resumed. */
  fetched(batch: Fetched): boolean
  /** The partitions are about to be dealt out anew: what was fetched and not committed comes again, here or elsewhere. */
  rebalancing(): void
  /** They have been, and this member got these. */
  joined(partitions: readonly Place[]): void
  /** The group's coordinator has said that it is a member, asked at that time of `performance.now()`. */
  confirmed(askedMs: number): void
  ended(error: Error): void
}

export interface GroupMember {
  resume(topic: string, partition: number): void
  leave(): Promise<void>
}

export interface MemberOptions {
  readonly kafka: Kafka
  readonly group: string
  readonly topics: readonly string[]
  /** Stands before the names of group and topics. */
  readonly prefix: string
}

/** A member that says nothing for so long is taken for dead, and others get its partitions. Brokers allow 6 s at the least. */
const SESSION_TIMEOUT_MS = 6_000
const HEARTBEAT_EVERY_MS = 1_000
/** From the question on: for so long the coordinator can't have given up a member that it confirmed. */
export const CONFIRMED_MS_MAX = SESSION_TIMEOUT_MS - HEARTBEAT_EVERY_MS
const REBALANCE_TIMEOUT_MS = 6_000
/** A fetch that finds nothing waits this long; heartbeats go out in between. */
const FETCH_WAIT_MS = 250
const FETCH_BYTES_MAX = 8 * 1_048_576
const PARTITION_BYTES_MAX = 1_048_576

markBatches()

/** One life of one consumer in a group. When it ends, another is started. */
export async function startMember({ kafka, group, topics, prefix }: MemberOptions, events: MemberEvents): Promise<GroupMember> {
  const consumer = kafka.consumer({
    groupId: prefix + group,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_EVERY_MS,
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    maxBytes: FETCH_BYTES_MAX,
    maxBytesPerPartition: PARTITION_BYTES_MAX,
    allowAutoTopicCreation: false,
    // We start another one ourselves: kafkajs' own way of starting again forgets, now and then, that it should (tulios/kafkajs#659).
    retry: { restartOnFailure: async () => false },
  })
  listen(consumer, prefix, events)
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: topics.map((topic) => prefix + topic), fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async (payload) => handOver(payload),
    })
  } catch (error) {
    await consumer.disconnect().catch(() => undefined)
    throw error
  }

  function handOver({ batch, resolveOffset }: EachBatchPayload): void {
    const source = sourceOf(batch)
    const last = batch.messages.at(-1)
    // One of before the partitions were dealt out comes again, because it isn't resolved.
    if (last === undefined || source?.isCurrent() !== true) return
    const place = { topic: batch.topic.slice(prefix.length), partition: batch.partition }
    const isEnough = events.fetched({ ...place, source, records: batch.messages.map((message) => toRecord(place, message)) })
    resolveOffset(last.offset)
    if (isEnough) consumer.pause([{ topic: batch.topic, partitions: [batch.partition] }])
  }

  return {
    resume: (topic, partition) => consumer.resume([{ topic: prefix + topic, partitions: [partition] }]),
    leave: () => consumer.disconnect(),
  }
}

function listen(consumer: KafkaConsumer, prefix: string, events: MemberEvents): void {
  const { REBALANCING, GROUP_JOIN, HEARTBEAT, CRASH, REQUEST } = consumer.events
  let askedMs = Number.NEGATIVE_INFINITY
  consumer.on(REQUEST, ({ payload: { apiName, duration } }) => {
    // By the clock of the day, which may have been set back meanwhile.
    if (apiName === 'Heartbeat' || apiName === 'SyncGroup') askedMs = performance.now() - Math.max(0, duration)
  })
  consumer.on(REBALANCING, events.rebalancing)
  consumer.on(GROUP_JOIN, ({ payload: { memberAssignment } }) => {
    events.confirmed(askedMs)
    const assigned = Object.entries(memberAssignment).map(([topic, partitions]) => ({ topic, partitions }))
    events.joined(
      assigned.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic: topic.slice(prefix.length), partition })),
      ),
    )
    // kafkajs keeps a partition paused that was so before, although what it was paused for is gone.
    consumer.resume(assigned)
  })
  // It has its heart beat by the clock of the day: where that is set back, it fetches on and says nothing to its group. So a fetch is no sign of life.
  consumer.on(HEARTBEAT, () => events.confirmed(askedMs))
  consumer.on(CRASH, ({ payload: { error } }) => events.ended(error))
}
