// The thread that owns the log's write connection: appends, commits of offsets, consumer groups, retention.
import { setImmediate as turn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { MillraceError } from '../../../runtime/errors.ts'
import { answer } from '../../../runtime/thread.ts'
import { openLogDatabase } from './log-format.ts'
import { createLogGroups } from './log-groups.ts'
import { createRetention } from './log-retention.ts'
import { createLogStore } from './log-store.ts'
import type { LogWriterCalls, LogWriterData, Sync } from './log-writer-calls.ts'

const { path, topics, bytesMax, retentionEveryMs }: LogWriterData = workerData
const database = openLogDatabase(path)
const store = createLogStore(database, topics, Date.now)
const groups = createLogGroups(store)
const deleteSlice = createRetention(database, { topics, topicIds: store.topicIds(), bytesMax })

/** https://sqlite.org/rescode.html#full */
const SQLITE_FULL = 13

/** Members that wait for records or for another assignment. */
const waiting = new Set<() => void>()

function wakeAll(): void {
  for (const wake of waiting) wake()
}

function syncNow(member: number, generation: number, seen: readonly number[]): Sync | undefined {
  const current = groups.generation(member)
  const ends = groups.owned(member).map(({ topic, partition }) => store.end(topic, partition))
  if (current !== generation) return { generation: current, assignment: groups.assignment(member), ends }
  return ends.some((end, index) => end > (seen[index] ?? 0)) ? { generation, ends } : undefined
}

const handlers: LogWriterCalls = {
  append(batches) {
    writing(() => store.append(batches))
    wakeAll()
  },
  ping: () => writing(store.ping),
  join(group, topicNames) {
    const member = groups.join(group, topicNames)
    wakeAll()
    return member
  },
  leave(member) {
    groups.leave(member)
    wakeAll()
  },
  sync(member, generation, seen) {
    return new Promise((resolve) => {
      const wake = (): void => {
        const sync = syncNow(member, generation, seen)
        if (sync === undefined) return
        waiting.delete(wake)
        resolve(sync)
      }
      waiting.add(wake)
      wake()
    })
  },
  commit(member, generation, positions) {
    const group = groups.groupName(member)
    if (group === undefined || groups.generation(member) !== generation) {
      throw new MillraceError('event-log.not-owner', 'The group has dealt out its partitions anew; poll again.')
    }
    store.commit(group, positions)
  },
  lag: store.lag,
  connect(port) {
    answer(port, handlers, 'event-log.unavailable')
  },
  partitionCounts: () => new Map(topics.map(({ name }) => [name, store.partitions(name)])),
}

/**
 * A full disk heals by itself, and nothing was acknowledged. Any other failure to write may be a lost flush, after which success proves
 * nothing ("fsyncgate"): the process must stop, and read back at its next start what really is on the disk.
 */
function writing(work: () => void): void {
  try {
    work()
  } catch (error) {
    const isFull = error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_FULL
    if (!isFull) setImmediate(() => process.exit(1))
    throw error
  }
}

async function applyRetention(): Promise<void> {
  while (deleteSlice(Date.now())) await turn()
}

if (parentPort) answer(parentPort, handlers, 'event-log.unavailable')
setInterval(() => void applyRetention(), retentionEveryMs).unref()
