// The processors' own thread. It owns the series writer, so points never cross threads; it serves no sockets, so SQLite may hold it up.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { InfluxWriterOptions } from '../platform/adapters/influx/open-writer.ts'
import type { KafkaLog, KafkaLogOptions } from '../platform/adapters/kafka/open.ts'
import { openSqliteLogFromThread } from '../platform/adapters/sqlite/log/open.ts'
import { openSeriesWriter } from '../platform/adapters/sqlite/series/open-writer.ts'
import type { CellPlaces, SensorStore } from '../platform/ports/metadata.ts'
import type { RejectionWriter } from '../platform/ports/rejections.ts'
import type { TimeSeriesWriter } from '../platform/ports/time-series.ts'
import { armCrashPoint } from '../platform/runtime/crash-points.ts'
import type { Running } from '../platform/runtime/lifecycle.ts'
import { createLogger, type Logger, type LogOptions } from '../platform/runtime/log.ts'
import { createThreadRegistry, type MetricsSnapshot, snapshotMetrics } from '../platform/runtime/metrics-registry.ts'
import { answerOnceOpen, createCaller } from '../platform/runtime/thread.ts'
import { type CellShare, createCellShares, WHOLE_STORE } from './cell-share.ts'
import type { ProcessConfig } from './config.ts'
import { planGroups } from './consumer-groups.ts'
import { createProcessMetrics } from './metrics.ts'
import { type ProcessPorts, startProcessors } from './service.ts'

/** The event log, as a thread can open it. */
export type ThreadLog =
  /** To the event log's writer thread. */
  | { readonly kind: 'sqlite'; readonly port: MessagePort }
  | { readonly kind: 'kafka'; readonly options: Omit<KafkaLogOptions, 'log'> }

/** The time-series store, as a thread can open it. */
export type ThreadSeries =
  | { readonly kind: 'sqlite'; readonly folder: string }
  | { readonly kind: 'influx'; readonly cells: readonly InfluxWriterOptions['cell'][]; readonly isCompressed: boolean }

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
export type MetadataCallsOfProcessors = Pick<SensorStore, 'recordSensors'> & Pick<CellPlaces, 'placeTenants' | 'tenantsByCell'>

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
    tenantsByCell: () => caller.call('tenantsByCell'),
  }
  const stores = await openCells(seriesPlace, metadata, log)
  const eventLog =
    place.kind === 'sqlite' ? await openSqliteLogFromThread(folder, place.port) : await openKafka(place.options, log)
  const onDeath = (error: Error): void => {
    log.fatal({ err: error }, 'A processor failed; the process stops.')
    setImmediate(() => {
      throw error
    })
  }
  const names = stores.map(({ share }) => share.name)
  await eventLog.prepareGroups(planGroups(names, await metadata.tenantsByCell()))
  const surroundings = { config, log, metrics: createProcessMetrics(metrics), onDeath }
  const running = await startAll(
    stores.map(
      (store) => () => startProcessors({ ...store, eventLog, rejections: store.series, sensors: metadata }, surroundings),
    ),
  )

  return {
    metrics,
    async stop() {
      await Promise.all(running.map(({ stop }) => stop()))
      await eventLog.close()
      metadataPort.close()
      for (const { series } of stores) series.close()
    },
  }
}

/** All at once; when one can't be started, none stays. */
async function startAll(starts: readonly (() => Promise<Running>)[]): Promise<readonly Running[]> {
  const ended = await Promise.allSettled(starts.map((start) => start()))
  const started = ended.filter((end) => end.status === 'fulfilled').map(({ value }) => value)
  const failed = ended.find((end) => end.status === 'rejected')
  if (failed === undefined) return started
  await Promise.all(started.map(({ stop }) => stop()))
  throw failed.reason
}

type CellPorts = Pick<ProcessPorts, 'readBack' | 'retention'> & {
  readonly share: CellShare
  readonly series: TimeSeriesWriter & RejectionWriter & { close(): void }
}

/** The cells of the time-series store; the embedded one is all there is. */
async function openCells(
  place: ThreadSeries,
  places: Pick<CellPlaces, 'placeTenants'>,
  log: Logger,
): Promise<readonly CellPorts[]> {
  if (place.kind === 'sqlite') {
    const series = openSeriesWriter({ folder: place.folder })
    return [{ series, retention: series, share: WHOLE_STORE }]
  }
  const { openInfluxWriter } = await import('../platform/adapters/influx/open-writer.ts')
  const { cells, isCompressed } = place
  const names = cells.map(({ name }) => name)
  const shareOf = createCellShares(names, places, log)
  return cells.map((cell) => {
    const series = openInfluxWriter({ cell, isCompressed, log })
    return { series, readBack: series, share: shareOf(cell.name) }
  })
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
