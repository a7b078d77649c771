// The processors' own thread. It owns the series writer, so points never cross threads; it serves no sockets, so SQLite may hold it up.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { InfluxWriterOptions } from '../platform/adapters/influx/open-writer.ts'
import type { KafkaLog, KafkaLogOptions } from '../platform/adapters/kafka/open.ts'
import { openSqliteLogFromThread } from '../platform/adapters/sqlite/log/open.ts'
import { openSeriesWriter } from '../platform/adapters/sqlite/series/open-writer.ts'
import type { CellPlaces, SensorStore } from '../platform/ports/metadata.ts'
import { armCrashPoint } from '../platform/runtime/crash-points.ts'
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

/** The time-series store, as a thread can open it. */
export type ThreadSeries =
  | { readonly kind: 'sqlite'; readonly folder: string }
  | { readonly kind: 'influx'; readonly options: Omit<InfluxWriterOptions, 'log' | 'places'> }

export interface ProcessorThreadData {
  readonly folder: string
  readonly config: ProcessConfig
  readonly logOptions: LogOptions
  readonly eventLog: ThreadLog
  readonly series: ThreadSeries
  readonly crashAt?: string
  /** To whoever holds the metadata store. */
  readonly metadataPort: MessagePort
}

/** What the processors ask of the metadata store. */
export type MetadataCallsOfProcessors = Pick<SensorStore, 'recordSensors'> & Pick<CellPlaces, 'placeTenants' | 'placesOf'>

/** What the thread can be asked. */
export type ProcessorCalls = {
  /** Resolves once everything is opened and the loops run. */
  readonly ready: () => Promise<void>
  /** Finishes the batches under way and closes the stores. */
  readonly stop: () => Promise<void>
  readonly metrics: () => Promise<MetricsSnapshot>
}

async function start({ folder, config, logOptions, eventLog: place, series: seriesPlace, metadataPort }: ProcessorThreadData) {
  const log = createLogger(logOptions)
  const metrics = createThreadRegistry()
  const caller = createCaller<MetadataCallsOfProcessors>(metadataPort, 'metadata.unavailable')
  const metadata: MetadataCallsOfProcessors = {
    recordSensors: (sensors) => caller.call('recordSensors', sensors),
    placeTenants: (tenants, cells) => caller.call('placeTenants', tenants, cells),
    placesOf: (tenants) => caller.call('placesOf', tenants),
  }
  const { series, retention, readBack } = await openSeries(seriesPlace, metadata, log)
  const eventLog =
    place.kind === 'sqlite' ? await openSqliteLogFromThread(folder, place.port) : await openKafka(place.options, log)
  const ports = {
    eventLog,
    series,
    rejections: series,
    sensors: metadata,
    ...(retention && { retention }),
    ...(readBack && { readBack }),
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
      metadataPort.close()
      series.close()
    },
  }
}

async function openSeries(place: ThreadSeries, places: CellPlaces, log: Logger) {
  if (place.kind === 'sqlite') {
    const series = openSeriesWriter({ folder: place.folder })
    return { series, retention: series, readBack: undefined }
  }
  const { openInfluxWriter } = await import('../platform/adapters/influx/open-writer.ts')
  const series = openInfluxWriter({ ...place.options, places, log })
  return { series, retention: undefined, readBack: series }
}

/** Loaded where it is used: without Kafka, its client takes no memory. */
async function openKafka(options: Omit<KafkaLogOptions, 'log'>, log: Logger): Promise<KafkaLog> {
  const { openKafkaLog } = await import('../platform/adapters/kafka/open.ts')
  return openKafkaLog({ ...options, log })
}

if (parentPort) {
  const open = async (): Promise<ProcessorCalls> => {
    const data: ProcessorThreadData = workerData
    armCrashPoint(data.crashAt)
    const { metrics, stop } = await start(data)
    return { ready: async () => undefined, stop, metrics: () => snapshotMetrics(metrics) }
  }
  answerOnceOpen(parentPort, open, 'time-series.unavailable')
}
