import type { LogGroups } from './log-groups.ts'
import type { LogStore } from './log-store.ts'
import type { LogWriterCalls, Sync } from './log-writer-calls.ts'

export interface LogWaiters {
  /** Looks again at what each waiting member waits for. */
  wakeAll(): void
  readonly sync: LogWriterCalls['sync']
}

/** Members of consumer groups that wait for records or for another assignment. */
export function createLogWaiters(groups: LogGroups, store: Pick<LogStore, 'end'>): LogWaiters {
  const waiting = new Set<() => void>()

  function syncNow(member: number, generation: number, seen: readonly number[]): Sync | undefined {
    const current = groups.generation(member)
    const ends = groups.owned(member).map(({ topic, partition }) => store.end(topic, partition))
    if (current !== generation) return { generation: current, assignment: groups.assignment(member), ends }
    return ends.some((end, index) => end > (seen[index] ?? 0)) ? { generation, ends } : undefined
  }

  return {
    wakeAll() {
      for (const wake of waiting) wake()
    },
    sync(member, generation, seen) {
      return new Promise((resolve, reject) => {
        const wake = (): void => {
          try {
            const sync = syncNow(member, generation, seen)
            if (sync === undefined) return
            waiting.delete(wake)
            resolve(sync)
          } catch (error) {
            // Thrown on, it would fail the append that woke this member, which is durable already.
            waiting.delete(wake)
            reject(error)
          }
        }
        waiting.add(wake)
        wake()
      })
    },
  }
}
