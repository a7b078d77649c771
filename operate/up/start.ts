import { createTlsTransport, type Ingest, startIngest } from '../../ingest/service.ts'
import { openSeriesReader } from '../../platform/adapters/sqlite/series/open-reader.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { createParts, type Running } from '../../platform/runtime/lifecycle.ts'
import type { Logger } from '../../platform/runtime/log.ts'
import { createProcessRegistry, type MetricsRegistry } from '../../platform/runtime/metrics-registry.ts'
import { startMetricsServer } from '../../platform/runtime/metrics-server.ts'
import { type ReadinessChecks, startQueryApi } from '../../query-api/service.ts'
import { adminSocketPath } from '../admin/socket-path.ts'
import { startAdmin } from '../admin/start-admin.ts'
import { createOperations, type Operations } from '../operations/operations.ts'
import { VERSION } from '../output/version.ts'
import { listenerCertificate } from './listener-certificate.ts'
import { startProcessorThread } from './processor-thread.ts'
import type { UpSettings } from './settings.ts'
import { openStores, type Stores } from './stores.ts'

export interface UpOptions {
  /** Absolute. */
  readonly folder: string
  readonly settings: UpSettings
  /** A logger for each part, of the same level and form. */
  readonly logFor: (part: string) => Logger
  readonly isPretty: boolean
  /** A thread ended by itself: the process must stop. */
  readonly onDeath: (error: Error) => void
}

export interface Up extends Running {
  readonly mqttPort: number
  readonly apiUrl: string
  readonly metricsUrl: string
  readonly rootPem: string
  readonly operations: Operations
}

/** Everything in one process: the stores first, then what reads and serves them, and last the door that lets data in. */
export async function startUp(options: UpOptions): Promise<Up> {
  const { folder, settings, logFor, onDeath } = options
  const { up } = settings
  const registry = createProcessRegistry()
  const clock = Date.now
  const parts = createParts(logFor('up'))

  const { kafka, postgres } = settings
  const stores = await parts.start(() => openStores({ folder, config: up, kafka, postgres, log: logFor('stores'), onDeath }))
  const { metadata, authority, eventLog: opened } = stores
  const eventLog = opened.log
  const processors = await parts.start(async () =>
    startProcessorThread({
      folder,
      config: settings.process,
      logOptions: { level: up.MILLRACE_LOG_LEVEL, part: 'process', isPretty: options.isPretty },
      eventLog: await opened.forThread(),
      sensors: metadata,
      onDeath,
    }),
  )
  const series = await parts.start(async () => {
    const reader = await openSeriesReader({ folder, threads: up.MILLRACE_SERIES_READER_THREADS, onDeath })
    return { name: 'series-reader', reader, stop: () => reader.close() }
  })
  const checks = readinessChecks(stores, processors.ready, () =>
    series.reader.latest(proveTenant('readyz'), ['none'], AbortSignal.timeout(2_000)),
  )
  const api = await parts.start(() =>
    startQueryApi(
      { series: series.reader, rejections: series.reader, metadata, eventLog },
      { config: settings.queryApi, version: VERSION, checks, clock, log: logFor('query-api'), registry },
    ),
  )
  const gather = async () => [await processors.metrics()]
  const metrics = await parts.start(() => startMetricsServer({ registry, port: up.MILLRACE_METRICS_PORT, gather }))
  const operations = createOperations({ metadata, authority, log: eventLog, clock })
  const ingest = await parts.start(() => startDoor(stores, options, registry))
  const listeners = [
    { name: 'mqtt', url: `mqtts://${settings.ingest.MILLRACE_MQTT_HOST}:${ingest.port}` },
    { name: 'http', url: api.url },
    { name: 'metrics', url: metrics.url },
  ]
  const describe = async () => ({ listeners, checks: await describeChecks(checks) })
  await parts.start(() => startAdmin({ socketPath: adminSocketPath(folder), operations, log: logFor('admin'), describe }))

  return {
    name: 'up',
    stop: parts.stop,
    mqttPort: ingest.port,
    apiUrl: api.url,
    metricsUrl: metrics.url,
    rootPem: authority.rootPem,
    operations,
  }
}

async function startDoor(stores: Stores, { folder, settings, logFor }: UpOptions, registry: MetricsRegistry): Promise<Ingest> {
  const { authority, metadata, eventLog } = stores
  const config = settings.ingest
  const log = logFor('ingest')
  const transport = createTlsTransport({
    host: config.MILLRACE_MQTT_HOST,
    port: config.MILLRACE_MQTT_PORT,
    ...(await listenerCertificate(folder, authority, settings.up)),
    rootPem: authority.rootPem,
    connectionsMax: config.MILLRACE_MQTT_CONNECTIONS_MAX,
    handshakeTimeoutMs: config.MILLRACE_MQTT_CONNECT_TIMEOUT_MS,
  })
  return startIngest(
    { eventLog: eventLog.log, registry: metadata, transport, clock: Date.now },
    { config, log, metrics: registry },
  )
}

function readinessChecks(
  { eventLog, metadata }: Stores,
  processors: () => Promise<void>,
  series: () => Promise<unknown>,
): ReadinessChecks {
  return {
    'event-log': () => eventLog.log.ping(),
    'time-series': series,
    metadata: () => metadata.ping(),
    'stream-processors': processors,
  }
}

async function describeChecks(checks: ReadinessChecks) {
  return Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await check()
        return { name, isReady: true }
      } catch (error) {
        return { name, isReady: false, detail: error instanceof Error ? error.message : String(error) }
      }
    }),
  )
}
