import type { Consumer } from '@platformatic/kafka'
import { type LogRecord, type PollLimit, type Position, sizeOf, type TopicPartition } from '../../platform/ports/event-log.ts'
import { guarded } from './platformatic-base.ts'

const FETCH_BYTES_MIN = 65_536
const FETCH_WAIT_MS = 50
const EMPTY_READS_MAX = 40
/** The broker gave the time, and it is that of the whole batch. */
const LOG_APPEND_TIME = 8

interface Topics {
  known(topic: string): string
  partitions(topic: string): Promise<readonly TopicPartition[]>
}

type Batch = NonNullable<Awaited<ReturnType<Consumer['fetch']>>['responses'][number]['partitions'][number]['records']>[number]

/** Reads a partition without a group, by the public `fetch`. */
export function createPlatformaticReads(client: Consumer, { known, partitions }: Topics) {
  async function fetch({ topic, partition, offset }: Position, maxBytes: number): Promise<readonly Batch[]> {
    const named = known(topic)
    const found = (await client.metadata({ topics: [named] })).topics.get(named)
    const leader = found?.partitions[partition]?.leader
    if (found === undefined || leader === undefined) throw new Error(`The partition ${partition} of ${named} has no leader.`)
    const place = {
      partition,
      fetchOffset: BigInt(offset),
      partitionMaxBytes: maxBytes,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
    }
    const request = {
      node: leader,
      topics: [{ topicId: found.id, partitions: [place] }],
      minBytes: 1,
      maxBytes,
      maxWaitTime: FETCH_WAIT_MS,
    }
    const { responses } = await client.fetch(request)
    return responses[0]?.partitions[0]?.records ?? []
  }

  return async (from: Position, limit: PollLimit): Promise<readonly LogRecord[]> => {
    const held = (await partitions(from.topic)).find(({ partition }) => partition === from.partition)
    if (held === undefined || from.offset >= held.nextOffset) return []
    const start = { ...from, offset: Math.max(from.offset, held.firstOffset) }
    return guarded(async () => {
      for (let attempt = 1; ; attempt++) {
        const records = take(start, limit, await fetch(start, Math.max(limit.bytesMax, FETCH_BYTES_MIN)))
        if (records.length > 0 || attempt === EMPTY_READS_MAX) return records
      }
    })
  }
}

function take({ topic, partition, offset }: Position, limit: PollLimit, batches: readonly Batch[]): readonly LogRecord[] {
  const taken: LogRecord[] = []
  let bytes = 0
  for (const batch of batches)
    for (const { key, value, headers, offsetDelta, timestampDelta } of batch.records) {
      const at = Number(batch.firstOffset) + offsetDelta
      if (at < offset) continue
      const isOfBroker = (batch.attributes & LOG_APPEND_TIME) !== 0
      const timestampMs = Number(isOfBroker ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta)
      const named = Object.fromEntries(headers.map(([name, text]) => [String(name), String(text)]))
      const record = { topic, partition, offset: at, timestampMs, key: String(key ?? ''), value: value ?? new Uint8Array() }
      const whole: LogRecord = headers.length === 0 ? record : { ...record, headers: named }
      bytes += sizeOf(whole)
      if (taken.length === limit.recordsMax || (taken.length > 0 && bytes > limit.bytesMax)) return taken
      taken.push(whole)
    }
  return taken
}
