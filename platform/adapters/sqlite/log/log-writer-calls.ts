import type { MessagePort } from 'node:worker_threads'
import type { GroupPlan, Lag, Position } from '../../../ports/event-log.ts'
import type { TopicOptions } from './log-format.ts'
import type { Assignment } from './log-groups.ts'
import type { WireBatch } from './log-store.ts'

export interface LogWriterData {
  readonly path: string
  readonly topics: readonly TopicOptions[]
  readonly bytesMax: number
  readonly retentionEveryMs: number
}

export interface Sync {
  readonly generation: number
  /** Sent when the generation isn't the one that the member knew. */
  readonly assignment?: Assignment
  /** The next offset of each partition that the member owns, in the order of its assignment. */
  readonly ends: readonly number[]
}

/** What the writer thread can be asked, by every other thread. */
export type LogWriterCalls = {
  readonly append: (batches: readonly WireBatch[]) => void
  readonly ping: () => void
  readonly prepareGroups: (plans: readonly GroupPlan[]) => void
  readonly join: (group: string, topics: readonly string[]) => number
  readonly leave: (member: number) => void
  /**
   * What has changed for a member; waits until its generation isn't `generation` any more, or one of its partitions ends behind `seen`
   * (in the order of its assignment).
   */
  readonly sync: (member: number, generation: number, seen: readonly number[]) => Promise<Sync>
  readonly commit: (member: number, generation: number, positions: readonly Position[]) => void
  readonly lag: (group: string, topic: string) => readonly Lag[]
  /** Answers on this port as well, so that another thread can speak to the writer without passing through the main one. */
  readonly connect: (port: MessagePort) => void
  readonly partitionCounts: () => ReadonlyMap<string, number>
  /** Closes the file, whole and without a write-ahead log beside it, unless somebody still reads. Every later write fails. */
  readonly close: () => void
}
