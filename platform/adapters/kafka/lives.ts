import { setTimeout } from 'node:timers/promises'
import type { Logger } from '../../runtime/log.ts'
import { CONFIRMED_MS_MAX, type GroupMember, type MemberEvents, type MemberOptions, startMember } from './group-member.ts'
import { createLease } from './lease.ts'
import { settledWithin } from './settled-within.ts'
import { asUnavailable } from './unavailable.ts'

export interface LivesOptions extends MemberOptions {
  readonly log: Logger
  /** A member whose heart doesn't beat for so long is replaced: it beats between fetches, so one that stalls doesn't. */
  readonly watchdogMs: number
}

export type LifeEvents = Pick<MemberEvents, 'fetched' | 'rebalancing' | 'joined'>

export interface Lives {
  /** Resolves once a member has joined. @throws when none has for too long, with what the last one ended of. */
  readonly joined: Promise<void>
  resume(topic: string, partition: number): void
  /** False when the group may have given its partitions away without a word: it hasn't confirmed the member for too long. */
  isMember(): boolean
  stop(): Promise<void>
}

interface Life {
  readonly starting: Promise<GroupMember>
  readonly over: Promise<Error>
  member: GroupMember | undefined
  end(reason: Error): void
}

const RESTART_WAIT_MS = 500
/** Short, because all that waits goes on only then; a broker that is away doesn't mind being asked. */
const RESTART_WAIT_MAX_MS = 3_000
/** A coordinator that has just started refuses for a second or two; so does a group whose members all die and come back. */
const JOIN_TIMEOUT_MS = 30_000
/** To leave a group is a courtesy: without it the others wait for the session to time out. */
const LEAVE_TIMEOUT_MS = 5_000
const STOPPED = new Error('stopped')

/** One member of the group after another: one that crashes, or stalls without a word (tulios/kafkajs#659, #1638), is replaced. */
export function startLives(options: LivesOptions, events: LifeEvents): Lives {
  const { log, group, watchdogMs } = options
  const first = Promise.withResolvers<void>()
  const stopping = new AbortController()
  let aliveMs = performance.now()
  const lease = createLease()
  let waitMs = RESTART_WAIT_MS

  function begin(): Life {
    const over = Promise.withResolvers<Error>()
    let isOver = false
    aliveMs = performance.now()
    const end = (reason: Error): void => {
      isOver = true
      over.resolve(reason)
    }
    const whenCurrent = (work: () => void) => () => {
      if (!isOver) work()
    }
    const starting = startMember(options, {
      // What a member does after its end is no news.
      fetched: (batch) => isOver || events.fetched(batch),
      rebalancing: whenCurrent(events.rebalancing),
      joined: (partitions) => {
        if (isOver) return
        waitMs = RESTART_WAIT_MS
        events.joined(partitions)
        first.resolve()
      },
      confirmed: (askedMs) => {
        if (isOver) return
        aliveMs = performance.now()
        lease.renew(askedMs)
      },
      ended: end,
    })
    const life: Life = { starting, over: over.promise, member: undefined, end }
    starting.then((member) => (life.member = member), end)
    return life
  }

  let life = begin()
  let last: Error | undefined

  async function live(): Promise<void> {
    for (;;) {
      const reason = await life.over
      last = reason
      events.rebalancing()
      // One that is still starting leaves as soon as it has.
      await settledWithin(
        life.starting.then((member) => member.leave()),
        LEAVE_TIMEOUT_MS,
      )
      if (stopping.signal.aborted) return
      log.warn({ group, err: asUnavailable(reason), waitMs }, 'A member of the consumer group ended; another takes its place.')
      await setTimeout(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      if (stopping.signal.aborted) return
      waitMs = Math.min(waitMs * 2, RESTART_WAIT_MAX_MS)
      life = begin()
    }
  }

  const watchdog = setInterval(
    () => {
      const silentMs = Math.round(performance.now() - aliveMs)
      if (silentMs < watchdogMs) return
      aliveMs = performance.now()
      log.error({ group, silentMs }, 'A member of the consumer group stalls.')
      life.end(new Error(`It was silent for ${silentMs} ms.`))
    },
    Math.ceil(watchdogMs / 4),
  )
  const lived = live()
  const joinTimer = global.setTimeout(
    () => first.reject(last ?? new Error(`The group ${group} could not be joined within ${JOIN_TIMEOUT_MS / 1000} s.`)),
    JOIN_TIMEOUT_MS,
  )
  const settled = (): void => clearTimeout(joinTimer)
  first.promise.then(settled, settled)

  return {
    joined: first.promise,
    resume: (topic, partition) => life.member?.resume(topic, partition),
    isMember: () => lease.ageMs() < CONFIRMED_MS_MAX,
    async stop() {
      clearInterval(watchdog)
      stopping.abort()
      life.end(STOPPED)
      await lived
    },
  }
}
