import type { KafkaLog } from '../../../platform/adapters/kafka/open.ts'
import type { Consumer } from '../../../platform/ports/event-log.ts'
import { order, text } from '../../contract/event-log/implementations.ts'

export interface Producing {
  readonly acknowledged: ReadonlySet<string>
  /** The longest time between two acknowledgements, milliseconds. */
  longestGapMs(): number
  /** What those were told that were not. */
  readonly refusals: ReadonlySet<string>
  stop(): Promise<void>
}

const LANES = 10
const PAUSE_MS = 20

/** Appends all the time, with so many keys; each waits for its own, and a refusal is not tried again. */
export function startProducing(log: KafkaLog, name: string): Producing {
  const acknowledged = new Set<string>()
  const refusals = new Set<string>()
  let isStopped = false
  let lastMs = performance.now()
  let gapMs = 0

  async function run(lane: number): Promise<void> {
    for (let count = 0; !isStopped; count++) {
      const value = `${name}-${lane}-${count}`
      try {
        await log.append([order(`key-${lane}`, value)])
        acknowledged.add(value)
        gapMs = Math.max(gapMs, performance.now() - lastMs)
        lastMs = performance.now()
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'event-log.unavailable')) throw error
        refusals.add(error.message)
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }

  const lanes = Promise.all(Array.from({ length: LANES }, (_, lane) => run(lane)))
  return {
    acknowledged,
    refusals,
    longestGapMs: () => Math.round(Math.max(gapMs, performance.now() - lastMs)),
    async stop() {
      isStopped = true
      await lanes
    },
  }
}

export interface Consuming {
  /** What came, by `partition/offset`: what comes twice stands there once. */
  readonly seen: ReadonlyMap<string, string>
  has(value: string): boolean
  /** Offsets that came with another value than before, or before one that was behind them. */
  readonly faults: readonly string[]
  longestGapMs(): number
  stop(): Promise<void>
}

/** Polls and commits all the time. */
export function startConsuming(consumer: Consumer): Consuming {
  const seen = new Map<string, string>()
  const values = new Set<string>()
  const nextOf = new Map<number, number>()
  const faults: string[] = []
  const stopping = new AbortController()
  let lastMs = performance.now()
  let gapMs = 0

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const records = await consumer.poll({ recordsMax: 500, bytesMax: 1_048_576 }, stopping.signal)
      for (const { partition, offset, value } of records) {
        const place = `${partition}/${offset}`
        const known = seen.get(place)
        if (known !== undefined && known !== text(value)) faults.push(`${place} was ${known}, and now is ${text(value)}`)
        if (offset > (nextOf.get(partition) ?? 0)) faults.push(`${place} passed over ${nextOf.get(partition) ?? 0}`)
        seen.set(place, text(value))
        values.add(text(value))
        nextOf.set(partition, Math.max(offset + 1, nextOf.get(partition) ?? 0))
      }
      if (records.length === 0) continue
      gapMs = Math.max(gapMs, performance.now() - lastMs)
      lastMs = performance.now()
      await consumer.commit().catch((error: { code?: string }) => {
        if (error.code !== 'event-log.not-owner' && error.code !== 'event-log.unavailable') throw error
      })
    }
  }

  const running = run()
  return {
    seen,
    has: (value) => values.has(value),
    faults,
    longestGapMs: () => Math.round(Math.max(gapMs, performance.now() - lastMs)),
    async stop() {
      stopping.abort()
      await running
    },
  }
}
