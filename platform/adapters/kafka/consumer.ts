import { setTimeout } from 'node:timers/promises'
import type { Consumer, Position } from '../../ports/event-log.ts'
import type { Logger } from '../../runtime/log.ts'
import { type GroupMember, type MemberOptions, startMember } from './group-member.ts'
import { createRecordBuffer } from './record-buffer.ts'
import { asUnavailable, isNotOwner, notOwner } from './unavailable.ts'

export interface ConsumerOptions extends MemberOptions {
  readonly log: Logger
  /** A member that neither fetches nor beats for so long is replaced. */
  readonly watchdogMs: number
}

const RESTART_WAIT_MS = 500
const RESTART_WAIT_MAX_MS = 10_000
const JOIN_TIMEOUT_MS = 60_000

/**
 * A consumer that outlives its members: one that crashes, or stalls without a word (tulios/kafkajs#659, #1638), is replaced.
 * Every time the partitions are dealt out, what was fetched is dropped and read again from what is committed: kafkajs deals all of them out anew.
 */
export async function joinKafkaGroup(options: ConsumerOptions): Promise<Consumer> {
  const { log, group, watchdogMs } = options
  const buffer = createRecordBuffer((topic, partition) => member?.resume(topic, partition))
  const waiting = new Set<() => void>()
  let member: GroupMember | undefined
  let generation = 0
  let polled: { readonly generation: number; readonly positions: readonly Position[] } | undefined
  let aliveMs = performance.now()
  let isClosed = false
  let replacing: Promise<void> | undefined
  const { promise: joined, resolve: onJoined } = Promise.withResolvers<void>()

  const wake = (): void => {
    for (const resolve of waiting) resolve()
    waiting.clear()
  }

  /** Events of a member that has been replaced are no news. */
  function start(): Promise<GroupMember> {
    let isOld = false
    const whenCurrent = (work: () => void) => () => {
      if (!isOld) work()
    }
    return startMember(options, {
      fetched(topic, partition, records) {
        if (isOld) return false
        const isEnough = buffer.add(topic, partition, records)
        wake()
        return isEnough
      },
      reassigned: whenCurrent(() => {
        generation++
        buffer.clear()
      }),
      joined: whenCurrent(onJoined),
      alive: whenCurrent(() => (aliveMs = performance.now())),
      ended: (error) => {
        if (isOld) return
        isOld = true
        log.warn({ group, err: error }, 'A member of the consumer group ended; another takes its place.')
        replace()
      },
    })
  }

  function replace(): void {
    if (isClosed) return
    generation++
    buffer.clear()
    aliveMs = performance.now()
    const old = member
    member = undefined
    replacing ??= startAgain(old).finally(() => (replacing = undefined))
  }

  async function startAgain(old: GroupMember | undefined): Promise<void> {
    await Promise.race([old?.leave().catch(() => undefined), setTimeout(RESTART_WAIT_MAX_MS, undefined, { ref: false })])
    for (let waitMs = RESTART_WAIT_MS; !isClosed && member === undefined; waitMs = Math.min(waitMs * 2, RESTART_WAIT_MAX_MS)) {
      try {
        member = await start()
      } catch (error) {
        log.warn({ group, err: asUnavailable(error) }, 'Kafka is away; the consumer group is joined again later.')
        await setTimeout(waitMs, undefined, { ref: false })
      }
      aliveMs = performance.now()
    }
    if (isClosed) await member?.leave()
  }

  const watchdog = setInterval(
    () => {
      if (replacing !== undefined || performance.now() - aliveMs < watchdogMs) return
      log.error(
        { group, silentMs: Math.round(performance.now() - aliveMs) },
        'A member of the consumer group stalls; another takes its place.',
      )
      replace()
    },
    Math.ceil(watchdogMs / 4),
  )
  watchdog.unref()

  async function close(): Promise<void> {
    isClosed = true
    clearInterval(watchdog)
    wake()
    await replacing
    await member?.leave()
  }

  member = await start().catch((error: unknown) => {
    clearInterval(watchdog)
    throw asUnavailable(error)
  })
  const isJoined = await Promise.race([joined.then(() => true), setTimeout(JOIN_TIMEOUT_MS, false, { ref: false })])
  if (!isJoined) {
    await close()
    throw asUnavailable(new Error(`The group ${group} could not be joined within ${JOIN_TIMEOUT_MS / 1000} s.`))
  }

  return {
    close,
    async poll(limit, signal) {
      polled = undefined
      while (!signal.aborted && !isClosed) {
        const current = generation
        const { records, positions } = buffer.take(limit)
        if (records.length > 0) {
          polled = { generation: current, positions }
          return records
        }
        await untilWoken(waiting, signal)
      }
      return []
    },
    async commit() {
      if (polled === undefined) return
      if (polled.generation !== generation || member === undefined) throw notOwner()
      try {
        await member.commit(polled.positions)
      } catch (error) {
        throw isNotOwner(error) ? notOwner() : asUnavailable(error)
      }
      polled = undefined
    },
  }
}

function untilWoken(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      waiting.delete(done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    waiting.add(done)
    signal.addEventListener('abort', done, { once: true })
  })
}
