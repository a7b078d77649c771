import type { Admin } from 'kafkajs'
import type { GroupPlan } from '../../ports/event-log.ts'
import type { OwnCluster } from './own-cluster.ts'
import { guarded } from './unavailable.ts'
import { whenSettled } from './when-settled.ts'

export interface PrepareOptions {
  readonly admin: Admin
  readonly cluster: OwnCluster
  readonly prefix: string
}

/** Who commits without being a member of the group, in the protocol. Kafka takes it while the group has no members. */
const NOBODY = { groupGenerationId: -1, memberId: '', retentionTime: -1 } as const

/** Gives groups that have committed nothing their first offsets. Kafka forgets groups that are gone by itself (`offsets.retention.minutes`). */
export async function prepareGroups({ admin, cluster, prefix }: PrepareOptions, plans: readonly GroupPlan[]): Promise<void> {
  for (const { group, topics, like } of plans)
    for (const topic of topics) await guarded(() => whenSettled(() => prepare(group, topic, like)))

  async function prepare(group: string, topic: string, like: readonly string[]): Promise<void> {
    // What others have is read first: whoever starts beside us may be ahead of us, and is the one who then has a place.
    const models = await Promise.all(like.map((one) => offsetsOf(one, topic)))
    if (hasPlace(await offsetsOf(group, topic))) return
    const model = models.find(hasPlace) ?? new Map<number, number>()
    const held = await admin.fetchTopicOffsets(prefix + topic)
    const partitions = held.map(({ partition, low }) => ({
      partition,
      offset: String(Math.max(Number(low), model.get(partition) ?? 0)),
    }))
    const groupId = prefix + group
    const coordinator = await (await cluster.connected()).findGroupCoordinator({ groupId })
    try {
      await coordinator.offsetCommit({ ...NOBODY, groupId, topics: [{ topic: prefix + topic, partitions }] })
    } catch (error) {
      // It has members by now: they have given it its place.
      if (!hasMembers(error)) throw error
    }
  }

  async function offsetsOf(group: string, topic: string): Promise<ReadonlyMap<number, number>> {
    const [found] = await admin.fetchOffsets({ groupId: prefix + group, topics: [prefix + topic] })
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  }
}

const MEMBERS: ReadonlySet<unknown> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS'])

const hasMembers = (error: unknown): boolean => error instanceof Error && 'type' in error && MEMBERS.has(error.type)

/** Partitions of which nothing is committed have -1. */
const hasPlace = (offsets: ReadonlyMap<number, number>): boolean => [...offsets.values()].some((offset) => offset >= 0)
