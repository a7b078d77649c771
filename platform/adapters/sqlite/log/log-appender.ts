import type { NewRecord } from '../../../ports/event-log.ts'
import { createGroupCommit, type GroupCommit } from '../../../runtime/group-commit.ts'
import { createPartitioner, groupByPartition } from '../../../runtime/partition.ts'
import type { Caller } from '../../../runtime/thread.ts'
import type { LogWriterCalls } from './log-writer-calls.ts'
import { encodeBatch, KEY_BYTES_MAX } from './record-batch.ts'

export interface AppenderOptions {
  readonly writer: Caller<LogWriterCalls>
  readonly partitionCounts: ReadonlyMap<string, number>
  /** How long the first record of a group waits for company. */
  readonly lingerMs: number
}

/** Group commit into the writer thread: one batch a partition, one fsync for all. */
export function createLogAppender({ writer, partitionCounts, lingerMs }: AppenderOptions): GroupCommit {
  const partitionFor = createPartitioner(partitionCounts)

  function fault({ topic, key }: NewRecord): string | undefined {
    if (!partitionCounts.has(topic)) return `The event log has no topic ${topic}.`
    return key.length > KEY_BYTES_MAX / 4 ? 'The key of a record is too long.' : undefined
  }

  async function send(records: readonly NewRecord[]): Promise<void> {
    const batches = groupByPartition(records, partitionFor).map(({ topic, partition, records: list }) => ({
      topic,
      partition,
      ...encodeBatch(list),
    }))
    const memory = batches.map(({ bytes }) => bytes.buffer)
    await writer.callWith(memory, 'append', batches)
  }

  return createGroupCommit({ send, fault, lingerMs })
}
