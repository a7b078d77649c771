// The processors' own thread. It owns the series writer, so points never cross threads; it serves no sockets, so SQLite may hold it up.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { KafkaLog, KafkaLogOptions } from '../platform/adapters/kafka/open.ts'
import { openSqliteLogFromThread } from '../platform/adapters/sqlite/log/open.ts'
import { openSeriesWriter } from '../platform/adapters/sqlite/series/open-writer.ts'
import type { SensorStore } from '../platform/ports/metadata.ts'
import { createLogger, type Logger, type LogOptions } from '../platform/runtime/log.ts'
import { createThreadRegistry, type MetricsSnapshot, snapshotMetrics } from '../platform/runtime/metrics-registry.ts'
import { answerOnceOpen, createCaller } from '../platform/runtime/thread.ts'
import type { ProcessConfig } from './config.ts'
import { startProcessors } from './service.ts'

/** The event log, as a thread can open it. */
export type ThreadLog =
  /** To the event log's writer thread. */
  | { readonly kind: 'sqlite'; readonly port: MessagePort }
  | { readonly kind: 'kafka'; readonly options: Omit<KafkaLogOptions, 'log'> }

export interface ProcessorThreadData {
  readonly folder: string
  readonly config: ProcessConfig
  readonly logOptions: LogOptions
  readonly eventLog: ThreadLog
  /** To whoever holds the metadata store. */
  readonly sensorsPort: MessagePort
}

export type SensorCalls = { readonly recordSensors: SensorStore['recordSensors'] }

/** What the thread can be asked. */
export type ProcessorCalls = {
  /** Resolves once everything is opened and the loops run. */
  readonly ready: () => Promise<void>
  /** Finishes the batches under way and closes the stores. */
  readonly stop: () => Promise<void>
  readonly metrics: () => Promise<MetricsSnapshot>
}

async function start({ folder, config, logOptions, eventLog: place, sensorsPort }: ProcessorThreadData) {
  const log = createLogger(logOptions)
  const metrics = createThreadRegistry()
  const series = openSeriesWriter({ folder })
  const eventLog =
    place.kind === 'sqlite' ? await openSqliteLogFromThread(folder, place.port) : await openKafka(place.options, log)
  const sensors = createCaller<SensorCalls>(sensorsPort, 'metadata.unavailable')
  const ports = {
    eventLog,
    series,
    rejections: series,
    retention: series,
    sensors: { recordSensors: (list: Parameters<SensorStore['recordSensors']>[0]) => sensors.call('recordSensors', list) },
  }
  const onDeath = (error: Error): void => {
    log.fatal({ err: error }, 'A processor failed; the process stops.')
    setImmediate(() => {
      throw error
    })
  }
  const running = await startProcessors(ports, { config, log, metrics, onDeath })

  return {
    metrics,
    async stop() {
      await running.stop()
      await eventLog.close()
      sensorsPort.close()
      series.close()
    },
  }
}

/** Loaded where it is used: without Kafka, its client takes no memory. */
async function openKafka(options: Omit<KafkaLogOptions, 'log'>, log: Logger): Promise<KafkaLog> {
  const { openKafkaLog } = await import('../platform/adapters/kafka/open.ts')
  return openKafkaLog({ ...options, log })
}

if (parentPort) {
  const open = async (): Promise<ProcessorCalls> => {
    const { metrics, stop } = await start(workerData)
    return { ready: async () => undefined, stop, metrics: () => snapshotMetrics(metrics) }
  }
  answerOnceOpen(parentPort, open, 'time-series.unavailable')
}
