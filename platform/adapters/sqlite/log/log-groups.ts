import type { Position } from '../../../ports/event-log.ts'

/** One partition as its owner got it: where to go on from. */
export type Assignment = readonly Position[]

type Owned = Pick<Position, 'topic' | 'partition'>

interface Group {
  readonly topics: Set<string>
  readonly members: number[]
  /** Changes whenever partitions change hands. */
  generation: number
}

export interface GroupsOptions {
  readonly partitions: (topic: string) => number
  readonly committed: (group: string, topic: string, partition: number) => number
}

export type LogGroups = ReturnType<typeof createLogGroups>

/** Who owns which partition. Lives in the writer thread, the one place that every consumer speaks to. */
export function createLogGroups({ partitions, committed }: GroupsOptions) {
  const groups = new Map<string, Group>()
  const groupByMember = new Map<number, string>()
  const ownedByMember = new Map<number, { readonly generation: number; readonly partitions: readonly Owned[] }>()
  let nextMember = 1

  function groupOf(member: number): { name: string; group: Group } | undefined {
    const name = groupByMember.get(member)
    const group = name === undefined ? undefined : groups.get(name)
    return name === undefined || group === undefined ? undefined : { name, group }
  }

  function join(name: string, topics: readonly string[]): number {
    const group = groups.get(name) ?? { topics: new Set<string>(), members: [], generation: 0 }
    groups.set(name, group)
    for (const topic of topics) group.topics.add(topic)
    const member = nextMember++
    group.members.push(member)
    group.generation++
    groupByMember.set(member, name)
    return member
  }

  function leave(member: number): void {
    const found = groupOf(member)
    groupByMember.delete(member)
    ownedByMember.delete(member)
    if (found === undefined) return
    found.group.members.splice(found.group.members.indexOf(member), 1)
    found.group.generation++
    if (found.group.members.length === 0) groups.delete(found.name)
  }

  /** Partitions are dealt out in turn, in the order in which the members joined. Asked at every append, so it is kept. */
  function owned(member: number): readonly Owned[] {
    const found = groupOf(member)
    if (found === undefined) return []
    const known = ownedByMember.get(member)
    if (known?.generation === found.group.generation) return known.partitions
    const { topics, members, generation } = found.group
    const all = [...topics].flatMap((topic) =>
      Array.from({ length: partitions(topic) }, (_, partition) => ({ topic, partition })),
    )
    const mine = all.filter((_, index) => members[index % members.length] === member)
    ownedByMember.set(member, { generation, partitions: mine })
    return mine
  }

  function assignment(member: number): Assignment {
    const name = groupByMember.get(member) ?? ''
    return owned(member).map(({ topic, partition }) => ({ topic, partition, offset: committed(name, topic, partition) }))
  }

  return {
    join,
    leave,
    owned,
    assignment,
    /** 0 when the member has left. */
    generation: (member: number): number => groupOf(member)?.group.generation ?? 0,
    groupName: (member: number): string | undefined => groupByMember.get(member),
  }
}
