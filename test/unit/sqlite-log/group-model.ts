import type { Lag, LogRecord } from '../../../platform/ports/event-log.ts'

/** What a consumer has been given, as far as can be seen from outside. Joins and leaves are counted: the numbers are such counts. */
interface Member {
  /** Offsets that were returned to it since it got their partition, by partition. */
  readonly given: Map<number, Set<number>>
  /** What its last poll returned, as the next offset by partition. */
  last: ReadonlyMap<number, number>
  polledAt: number
  /** At its last commit that succeeded, it certainly knew of every change. */
  certainAt: number
}

export type GroupModel = ReturnType<typeof createGroupModel>

/**
 * Watches one consumer group from outside and says what it did wrong: a record passed over, out of order or of the wrong content; a
 * commit that succeeded or failed when it must not; an offset that went back.
 */
export function createGroupModel(partitions: number) {
  const appended = Array.from({ length: partitions }, (): string[] => [])
  const committed = Array.from({ length: partitions }, () => 0)
  const members = new Map<number, Member>()
  const wrongs: string[] = []
  let changes = 0
  let nextMember = 1

  function checkContent({ partition, offset, key, value }: LogRecord): void {
    const expected = appended[partition]?.[offset]
    const found = `${key} ${Buffer.from(value).toString()}`
    if (found !== expected) wrongs.push(`partition ${partition} offset ${offset} holds ${found}, not ${expected}`)
  }

  return {
    wrongs,
    committed,
    /** Told of what became durable, in the order of its offsets. */
    appended(partition: number, key: string, value: string): void {
      appended[partition]?.push(`${key} ${value}`)
    },
    total: (): number => appended.reduce((sum, list) => sum + list.length, 0),
    joined(): number {
      changes++
      members.set(nextMember, { given: new Map(), last: new Map(), polledAt: -1, certainAt: -1 })
      return nextMember++
    },
    left(id: number): void {
      changes++
      members.delete(id)
    },
    /** The log was closed and opened: nobody is a member any more. */
    reopened(): void {
      changes++
      members.clear()
    },
    polled(id: number, records: readonly LogRecord[]): void {
      const member = members.get(id)
      if (member === undefined) return
      const next = new Map<number, number>()
      for (const record of records) {
        checkContent(record)
        const { partition, offset } = record
        const given = member.given.get(partition) ?? new Set<number>()
        const done = committed[partition] ?? 0
        const due = next.get(partition) ?? (given.size === 0 ? done : Math.max(...given) + 1)
        // After a change it may go on as before, on what it knew then, or begin again behind what was committed.
        const mayBegin = !next.has(partition) && offset <= done
        if (offset !== due && !mayBegin) wrongs.push(`partition ${partition} gave ${offset} where ${due} was due`)
        if (offset !== due) given.clear()
        member.given.set(partition, given.add(offset))
        next.set(partition, offset + 1)
      }
      member.polledAt = changes
      member.last = next
    },
    /** @param isDone  False when the log said `event-log.not-owner`. */
    commitEnded(id: number, isDone: boolean): void {
      const member = members.get(id)
      if (member === undefined || member.last.size === 0) return
      if (isDone && member.polledAt !== changes) wrongs.push('a commit succeeded, although the partitions had changed hands')
      if (!isDone && member.certainAt === changes) wrongs.push('a commit failed, although the partitions had not changed hands')
      if (!isDone) return
      member.certainAt = changes
      for (const [partition, next] of member.last) {
        for (let offset = committed[partition] ?? 0; offset < next; offset++) {
          if (!member.given.get(partition)?.has(offset)) wrongs.push(`partition ${partition} offset ${offset} was passed over`)
        }
        committed[partition] = Math.max(committed[partition] ?? 0, next)
      }
      member.last = new Map()
    },
    checkLag(lags: readonly Lag[]): void {
      for (const { partition, committed: offset, records } of lags) {
        if (offset !== committed[partition])
          wrongs.push(`partition ${partition} is committed up to ${offset}, not ${committed[partition]}`)
        const due = (appended[partition]?.length ?? 0) - offset
        if (records !== due) wrongs.push(`partition ${partition} lags ${records} records, not ${due}`)
      }
    },
  }
}
