import type { Consumer, Ownership, Place, PollLimit, Position } from '../../ports/event-log.ts'
import { MillraceError } from '../../runtime/errors.ts'
import { createOwnership, notOwner } from '../../runtime/ownership.ts'
import { untilWoken, wake } from '../../runtime/wake.ts'
import type { BatchSource } from './batch-source.ts'
import { type LivesOptions, startLives } from './lives.ts'
import { createRecordBuffer } from './record-buffer.ts'
import { asUnavailable, guarded, saysNotOwner } from './unavailable.ts'

interface Polled {
  readonly source: BatchSource | undefined
  readonly ownership: Ownership
  readonly positions: readonly Position[]
}

/**
 * A consumer that outlives its members. Every time the partitions are dealt out, what was fetched is dropped and read again from what is
 * committed, because kafkajs deals all of them out anew.
 */
export async function joinKafkaGroup(options: LivesOptions): Promise<Consumer> {
  const { prefix } = options
  const buffer = createRecordBuffer((topic, partition) => lives.resume(topic, partition))
  const waiting = new Set<() => void>()
  let source: BatchSource | undefined
  /** Another one whenever what was fetched before may belong to somebody else. */
  let ownership = own([])
  let polled: Polled | undefined
  let isClosed = false

  function forget(): void {
    source = undefined
    ownership = own([])
    buffer.clear()
  }

  function own(places: readonly Place[]): Ownership {
    return createOwnership(places, () => ownership, assertMember)
  }

  function assertMember(): void {
    if (!lives.isMember())
      throw new MillraceError('event-log.unavailable', 'Kafka has not confirmed for too long that the partitions are still ours.')
  }

  const lives = startLives(options, {
    fetched(batch) {
      source = batch.source
      const isEnough = buffer.add(batch.topic, batch.partition, batch.records)
      wake(waiting)
      return isEnough
    },
    rebalancing: forget,
    joined(partitions) {
      forget()
      ownership = own(partitions)
      buffer.share(partitions.length)
    },
  })

  async function close(): Promise<void> {
    isClosed = true
    wake(waiting)
    await lives.stop()
  }

  await lives.joined.catch(async (error: unknown) => {
    await close()
    throw asUnavailable(error)
  })

  return {
    close,
    ownership: () => polled?.ownership ?? ownership,
    async poll(limit: PollLimit, signal: AbortSignal) {
      polled = undefined
      while (!signal.aborted) {
        if (isClosed) throw new MillraceError('event-log.unavailable', 'The consumer is closed.')
        const { records, positions } = buffer.take(limit)
        if (records.length > 0) {
          polled = { source, ownership, positions }
          return records
        }
        await untilWoken(waiting, signal)
      }
      return []
    },
    async commit() {
      if (polled === undefined) return
      const { source: from } = polled
      if (polled.ownership !== ownership || from === undefined) {
        polled = undefined
        throw notOwner()
      }
      const positions = polled.positions.map(({ topic, ...place }) => ({ ...place, topic: prefix + topic }))
      try {
        await guarded(() => from.commit(positions))
      } catch (error) {
        if (!saysNotOwner(error)) throw asUnavailable(error)
        polled = undefined
        throw notOwner()
      }
      polled = undefined
    },
  }
}
