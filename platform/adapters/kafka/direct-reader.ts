import type { KafkaMessage } from 'kafkajs'
import { type LogRecord, type PollLimit, type Position, sizeOf } from '../../ports/event-log.ts'
import type { OwnCluster } from './own-cluster.ts'
import { toRecord } from './to-record.ts'

export interface DirectReader {
  read(from: Position, limit: PollLimit): Promise<readonly LogRecord[]>
}

const FETCH_WAIT_MS = 50
/** A consumer that isn't a broker, in the fetch protocol. */
const NO_REPLICA = -1
const READ_COMMITTED = 1
const FETCH_BYTES_MIN = 65_536

/** Reads a partition without being in a group, which kafkajs has no public way for; a group made for each read would take some 300 ms. */
export function createDirectReader(own: OwnCluster, prefix: string): DirectReader {
  async function fetch({ topic, partition, offset }: Position, maxBytes: number): Promise<readonly KafkaMessage[]> {
    const cluster = await own.connected()
    const named = prefix + topic
    await cluster.addTargetTopic(named)
    await cluster.refreshMetadataIfNecessary()
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(named, [partition]))
    if (nodeId === undefined) throw new Error(`The partition ${partition} of ${named} has no leader.`)
    const broker = await cluster.findBroker({ nodeId })
    const { responses } = await broker.fetch({
      replicaId: NO_REPLICA,
      isolationLevel: READ_COMMITTED,
      maxWaitTime: FETCH_WAIT_MS,
      minBytes: 1,
      maxBytes,
      topics: [{ topic: named, partitions: [{ partition, fetchOffset: String(offset), maxBytes, currentLeaderEpoch: -1 }] }],
    })
    return responses[0]?.partitions[0]?.messages ?? []
  }

  return {
    async read(from, limit) {
      try {
        const messages = await fetch(from, Math.max(limit.bytesMax, FETCH_BYTES_MIN))
        return take(from, limit, messages)
      } catch (error) {
        // The next read finds out anew who leads.
        await own.refresh()
        throw error
      }
    },
  }
}

/** A batch is fetched whole, also where it begins before what was asked for. */
function take(from: Position, { recordsMax, bytesMax }: PollLimit, messages: readonly KafkaMessage[]): readonly LogRecord[] {
  const records: LogRecord[] = []
  let bytes = 0
  for (const message of messages) {
    if (Number(message.offset) < from.offset) continue
    const record = toRecord(from, message)
    bytes += sizeOf(record)
    if (records.length === recordsMax || (records.length > 0 && bytes > bytesMax)) break
    records.push(record)
  }
  return records
}
