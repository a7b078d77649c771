import { createRequire } from 'node:module'
import type { Position } from '../../ports/event-log.ts'

/** The assignment under which a batch was fetched: one member, one generation of its group. */
export interface BatchSource {
  /** The partitions have not been dealt out anew since the fetch began. */
  isCurrent(): boolean
  /** Commits under this generation and no other: once there is a newer one, the broker refuses. Topics by their whole name. */
  commit(positions: readonly Position[]): Promise<void>
}

/** Of what kafkajs keeps to itself, as much as is needed here. It makes a new offset manager each time the partitions are dealt out. */
interface OffsetManager {
  commitOffsets(offsets: { readonly topics: readonly object[] }): Promise<void>
}

interface ConsumerGroup {
  readonly offsetManager: OffsetManager | null
  readonly groupId: string
  readonly memberId: string | null
  readonly instrumentationEmitter: { emit(event: string, payload: object): void }
  fetch(nodeId: string): Promise<readonly object[]>
  joinAndSync(): Promise<void>
  leave(): Promise<void>
}

const sources = new WeakMap<object, BatchSource>()

/** @returns undefined for what no consumer has fetched. */
export const sourceOf = (batch: object): BatchSource | undefined => sources.get(batch)

/**
 * Remembers of each batch under which assignment it was fetched. kafkajs mixes them up where one broker's fetch makes it join anew while
 * another's batches are still on their way: it would go on behind a batch of before, and pass over what lies in front of it. And it
 * tries a commit again under whatever generation it has by then (tulios/kafkajs#1046), so that an offset could go back.
 */
export function markBatches(): void {
  const require = createRequire(import.meta.url)
  const { prototype }: { prototype: ConsumerGroup } = require('kafkajs/src/consumer/consumerGroup')
  const { events }: { events: { REBALANCING: string } } = require('kafkajs/src/consumer/instrumentationEvents')
  const fetch = prototype.fetch
  prototype.fetch = async function (this: ConsumerGroup, nodeId: string) {
    const manager = this.offsetManager
    const batches = await fetch.call(this, nodeId)
    if (manager === null || manager !== this.offsetManager) return []
    const source: BatchSource = {
      isCurrent: () => manager === this.offsetManager,
      commit: (positions) => manager.commitOffsets({ topics: byTopic(positions) }),
    }
    for (const batch of batches) sources.set(batch, source)
    return batches
  }
  // It says so only where the broker has told it, not where it joins anew or leaves by itself; and others have its partitions before it hears back.
  const { joinAndSync, leave } = prototype
  const tell = ({ groupId, memberId, instrumentationEmitter }: ConsumerGroup): void =>
    instrumentationEmitter.emit(events.REBALANCING, { groupId, memberId })
  prototype.joinAndSync = function (this: ConsumerGroup) {
    tell(this)
    return joinAndSync.call(this)
  }
  prototype.leave = function (this: ConsumerGroup) {
    tell(this)
    return leave.call(this)
  }
}

function byTopic(positions: readonly Position[]): readonly object[] {
  return [...Map.groupBy(positions, ({ topic }) => topic)].map(([topic, list]) => ({
    topic,
    partitions: list.map(({ partition, offset }) => ({ partition, offset: String(offset) })),
  }))
}
