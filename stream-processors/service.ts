import type { EventLog } from '../platform/ports/event-log.ts'
import type { SensorStore } from '../platform/ports/metadata.ts'
import type { RejectionWriter } from '../platform/ports/rejections.ts'
import type { ReadBack, TimeSeriesWriter } from '../platform/ports/time-series.ts'
import type { Running } from '../platform/runtime/lifecycle.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { MetricsRegistry } from '../platform/runtime/metrics-registry.ts'
import { READINGS_TOPIC, REJECTED_TOPIC } from '../schemas/topics.ts'
import type { ProcessConfig } from './config.ts'
import { createIndexRejections } from './index-rejections.ts'
import { type Process, runLoop } from './loop.ts'
import { createProcessMetrics } from './metrics.ts'
import { withReadBack } from './read-back.ts'
import { keepRetention, type Retention } from './retention.ts'
import { createStoreReadings } from './store-readings.ts'

/** Consumer groups of the event log, by processor. They are names on disk: never change them. */
export const CONSUMER_GROUPS = { store: 'millrace.store', rejections: 'millrace.rejections' } as const

export interface ProcessPorts {
  readonly eventLog: EventLog
  readonly series: TimeSeriesWriter
  readonly rejections: RejectionWriter
  readonly sensors: Pick<SensorStore, 'recordSensors'>
  /** Where the store may lose what it has acknowledged. */
  readonly readBack?: ReadBack
  /** Where the store doesn't delete by itself. */
  readonly retention?: Retention
}

export interface ProcessSurroundings {
  readonly config: ProcessConfig
  readonly log: Logger
  readonly metrics: MetricsRegistry
  /** A processor ended with an error that retrying can't mend: the process must stop. */
  readonly onDeath: (error: Error) => void
}

const LAG_EVERY_MS = 2_000
/** Rejections take no part in the race for throughput. */
const REJECTIONS_PER_BATCH_MAX = 1_000

/** Event log in, stores out: one loop for each processor. */
export async function startProcessors(
  ports: ProcessPorts,
  { config, log, metrics: registry, onDeath }: ProcessSurroundings,
): Promise<Running> {
  const metrics = createProcessMetrics(registry)
  const stopping = new AbortController()

  const loops: Promise<void>[] = []

  async function start(name: keyof typeof CONSUMER_GROUPS, topic: string, process: Process, recordsMax: number): Promise<void> {
    const consumer = await ports.eventLog.join(CONSUMER_GROUPS[name], [topic])
    const limit = { recordsMax, bytesMax: config.MILLRACE_PROCESS_BATCH_BYTES_MAX }
    const onBatch = (count: number, durationMs: number): void => metrics.batch(name, count, durationMs)
    const onRetry = (): void => metrics.retried(name)
    const options = { name, consumer, process, limit, gatherMs: config.MILLRACE_PROCESS_GATHER_MS, log, onBatch, onRetry }
    loops.push(runLoop(options, stopping.signal).catch(onDeath))
  }

  try {
    await start('store', READINGS_TOPIC, createStore(), config.MILLRACE_PROCESS_BATCH_RECORDS_MAX)
    await start('rejections', REJECTED_TOPIC, createIndexRejections(ports.rejections, log), REJECTIONS_PER_BATCH_MAX)
  } catch (error) {
    stopping.abort()
    await Promise.all(loops)
    throw error
  }
  const { retention } = ports
  if (retention) loops.push(keepRetention({ retention, days: config.MILLRACE_RETENTION_DAYS, log }, stopping.signal))

  function createStore(): Process {
    const store = createStoreReadings(ports, metrics)
    const { readBack } = ports
    if (readBack === undefined) return store
    return withReadBack(store, { ...ports, readBack }, { log, clock: Date.now, onReplayed: metrics.replayed })
  }

  const told = new Set<string>()
  async function sample(name: keyof typeof CONSUMER_GROUPS, topic: string): Promise<void> {
    const lags = await ports.eventLog.lag(CONSUMER_GROUPS[name], topic)
    metrics.lag(name, lags)
    for (const { partition, expired, committed } of lags.filter((lag) => lag.expired > 0)) {
      const about = { processor: name, topic, partition, records: expired, nextOffset: committed }
      if (!told.has(`${topic}/${partition}/${committed}`))
        log.error(
          about,
          'The event log deleted records by age that had not been processed. They are in no store: restore them from a backup of the log, or have the gateways send them again.',
        )
      told.add(`${topic}/${partition}/${committed}`)
    }
  }
  async function sampleLag(): Promise<void> {
    await sample('store', READINGS_TOPIC)
    await sample('rejections', REJECTED_TOPIC)
  }
  const sampling = setInterval(
    () => sampleLag().catch((error: unknown) => log.debug({ err: error }, 'The lag is not known.')),
    LAG_EVERY_MS,
  )

  return {
    name: 'stream-processors',
    async stop() {
      clearInterval(sampling)
      stopping.abort()
      await Promise.all(loops)
    },
  }
}
