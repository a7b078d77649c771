import { setImmediate as turn } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { notOwner } from '../../../runtime/ownership.ts'
import { answer } from '../../../runtime/thread.ts'
import { explainDamage } from '../database.ts'
import { openLogDatabase } from './log-format.ts'
import { createLogGroups } from './log-groups.ts'
import { createRetention } from './log-retention.ts'
import { createLogStore } from './log-store.ts'
import { createLogWaiters } from './log-waiters.ts'
import type { LogWriterCalls, LogWriterData } from './log-writer-calls.ts'
import { createWriteGuard } from './write-guard.ts'

export interface LogWriterSurroundings {
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** A write failed in a way that leaves open what is on the disk: the process must stop. */
  readonly onLostWrite: () => void
}

/**
 * Owns the log's write connection: appends, commits of offsets, consumer groups, retention. SQLite runs on the calling thread, which must serve no
 * sockets; there must be one writer only.
 *
 * @throws {MillraceError} `store.not-durable`, `store.newer`, `store.damaged`.
 */
export function openLogWriter(data: LogWriterData, { clock, onLostWrite }: LogWriterSurroundings): LogWriterCalls {
  const { path, topics, bytesMax, retentionEveryMs } = data
  const database = openLogDatabase(path)
  const store = explainDamage(path, () => createLogStore(database, topics, clock))
  const groups = createLogGroups(store)
  const waiters = createLogWaiters(groups, store)
  const writing = createWriteGuard(() => database.isOpen, onLostWrite)
  const deleteSlice = createRetention(database, { topics: store.topics(), bytesMax })
  let isDeleting = false

  async function applyRetention(): Promise<void> {
    if (isDeleting) return
    isDeleting = true
    try {
      while (writing(() => deleteSlice(clock()))) await turn()
    } catch {
      // The guard has decided what it means. If the process may go on, so may retention, at its next time.
    }
    isDeleting = false
  }
  const retention = setInterval(() => void applyRetention(), retentionEveryMs)
  retention.unref()

  const calls: LogWriterCalls = {
    append(batches) {
      writing(() => store.append(batches))
      waiters.wakeAll()
    },
    ping: () => writing(store.ping),
    prepareGroups: (plans) => writing(() => store.prepareGroups(plans)),
    join(group, topicNames) {
      writing(() => store.register(group, topicNames))
      const member = groups.join(group, topicNames)
      waiters.wakeAll()
      return member
    },
    leave(member) {
      groups.leave(member)
      waiters.wakeAll()
    },
    sync: waiters.sync,
    commit(member, generation, positions) {
      const group = groups.groupName(member)
      if (group === undefined || groups.generation(member) !== generation) {
        throw notOwner()
      }
      writing(() => store.commit(group, positions))
    },
    lag: store.lag,
    connect: (port) => answerPort(port, calls),
    partitionCounts: () => new Map(topics.map(({ name }) => [name, store.partitions(name)])),
    close() {
      clearInterval(retention)
      if (database.isOpen) database.close()
    },
  }
  return calls
}

/** A thread that ends leaves its groups, also when it could not say so: its partitions go to others. */
function answerPort(port: MessagePort, calls: LogWriterCalls): void {
  const members = new Set<number>()
  const join: LogWriterCalls['join'] = (group, topics) => {
    const member = calls.join(group, topics)
    members.add(member)
    return member
  }
  answer(port, { ...calls, join }, 'event-log.unavailable')
  port.on('close', () => {
    for (const member of members) calls.leave(member)
  })
}
