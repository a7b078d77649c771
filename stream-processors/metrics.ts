import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Lag } from '../platform/ports/event-log.ts'
import type { WriteOutcome } from '../platform/ports/time-series.ts'

export type ProcessMetrics = ReturnType<typeof createProcessMetrics>

export function createProcessMetrics(registry: Registry) {
  const registers = [registry]
  const values = new Counter({
    name: 'process_values_total',
    help: 'Values that reached the time-series store, by what became of them: stored, duplicate (was there already) or conflict (replaced another value of the same reading).',
    labelNames: ['outcome'] as const,
    registers,
  })
  const refused = new Counter({
    name: 'process_points_refused_total',
    help: 'Points that the time-series store refused for good.',
    registers,
  })
  const unreadable = new Counter({
    name: 'process_records_unreadable_total',
    help: 'Records of the event log that could not be read, because they are damaged or of an unknown version; they are among the rejected ones.',
    registers,
  })
  const replayed = new Counter({
    name: 'process_read_back_replayed_records_total',
    help: 'Records that were stored again because the time-series store had lost what it had acknowledged. Anything but 0 wants somebody to look at its disk.',
    registers,
  })
  const newestReceived = new Gauge({
    name: 'process_newest_received_timestamp_seconds',
    help: 'Time of receipt of the newest message that was processed.',
    labelNames: ['cell'] as const,
    registers,
  })

  // A batch holds records of several partitions, so its newest may be older than that of the one before.
  const newestMs = new Map<string, number>()

  return {
    ...createLoopMetrics(registry),
    stored(outcome: WriteOutcome): void {
      values.inc({ outcome: 'stored' }, outcome.stored)
      values.inc({ outcome: 'duplicate' }, outcome.duplicates)
      values.inc({ outcome: 'conflict' }, outcome.conflicts)
    },
    /** Told once they are durable on `rejected.v1`. */
    refused(points: number, records: number): void {
      refused.inc(points)
      unreadable.inc(records)
    },
    replayed(records: number): void {
      replayed.inc(records)
    },
    /** @param receivedMs  0 when the batch held no message. */
    newest(cell: string, receivedMs: number): void {
      const newest = Math.max(newestMs.get(cell) ?? 0, receivedMs)
      newestMs.set(cell, newest)
      newestReceived.set({ cell }, newest / 1000)
    },
  }
}

/** Which loop it is: of which processor, for which cell of the time-series store. */
export interface LoopName {
  readonly processor: string
  readonly cell: string
}

const LOOP = ['processor', 'cell'] as const

/** What every processor's loop reports. */
function createLoopMetrics(registry: Registry) {
  const registers = [registry]
  const records = new Counter({
    name: 'process_records_total',
    help: 'Records of the event log that were processed and committed.',
    labelNames: LOOP,
    registers,
  })
  const retries = new Counter({
    name: 'process_retries_total',
    help: 'Batches that were tried again because a store was away.',
    labelNames: LOOP,
    registers,
  })
  const batchSeconds = new Histogram({
    name: 'process_batch_duration_seconds',
    help: 'Time to process and commit one batch.',
    labelNames: LOOP,
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  })
  const lag = new Gauge({
    name: 'process_lag_records',
    help: 'Records of the event log that a processor has yet to commit.',
    labelNames: [...LOOP, 'partition'] as const,
    registers,
  })

  const expired = new Gauge({
    name: 'process_expired_records',
    help: "Records that the event log deleted by age before a processor had committed them: the most at once since the start. Those of them that are this cell's are in no store.",
    labelNames: [...LOOP, 'partition'] as const,
    registers,
  })
  const expiredMost = new Map<string, number>()

  return {
    /** So that one that never processes anything is seen to process nothing. */
    begin(loop: LoopName): void {
      records.inc({ ...loop }, 0)
      retries.inc({ ...loop }, 0)
    },
    batch(loop: LoopName, count: number, durationMs: number): void {
      records.inc({ ...loop }, count)
      batchSeconds.observe({ ...loop }, durationMs / 1000)
    },
    retried(loop: LoopName): void {
      retries.inc({ ...loop })
    },
    lag(loop: LoopName, lags: readonly Lag[]): void {
      for (const { partition, records: count, expired: gone } of lags) {
        lag.set({ ...loop, partition }, count)
        // The next commit is behind them, and with it the trace of them is gone from the log.
        const key = `${loop.processor}/${loop.cell}/${partition}`
        const most = Math.max(gone, expiredMost.get(key) ?? 0)
        expiredMost.set(key, most)
        expired.set({ ...loop, partition }, most)
      }
    },
  }
}
