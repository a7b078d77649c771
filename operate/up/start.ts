import { armCrashPoint } from '../../platform/runtime/crash-points.ts'
import { createParts, type Running } from '../../platform/runtime/lifecycle.ts'
import { createProcessRegistry } from '../../platform/runtime/metrics-registry.ts'
import { metricsOptions, startMetricsServer } from '../../platform/runtime/metrics-server.ts'
import type { Operations } from '../operations/operations.ts'
import {
  authorityOf,
  openSeries,
  type PartOptions,
  startApi,
  startDoor,
  startOperations,
  startProcessors,
} from './start-parts.ts'
import { openStores } from './stores.ts'

export type UpOptions = PartOptions

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
  const { up, kafka, postgres } = settings
  armCrashPoint(up.MILLRACE_CRASH_AT)
  const registry = createProcessRegistry()
  const parts = createParts(logFor('up'))

  const stores = await parts.start(() =>
    openStores({ folder, config: up, kafka, postgres, log: logFor('stores'), onDeath, hasAuthority: true }),
  )
  const processors = await parts.start(() => startProcessors(stores, options, false))
  const series = await parts.start(() => openSeries(stores, options))
  const checks = {
    'event-log': () => stores.eventLog.log.ping(),
    'time-series': series.ping,
    metadata: () => stores.metadata.ping(),
    'stream-processors': processors.ready,
  }
  const api = await parts.start(() => startApi(stores, series, options, { checks, registry }))
  const gather = async () => [await processors.metrics()]
  const metrics = await parts.start(() => startMetricsServer({ ...metricsOptions(up), registry, gather, checks }))
  const ingest = await parts.start(() => startDoor(stores, options, { registry, listener: 'up' }))
  const listeners = [
    { name: 'mqtt', url: `mqtts://${settings.ingest.MILLRACE_MQTT_HOST}:${ingest.port}` },
    { name: 'http', url: api.url },
    { name: 'metrics', url: metrics.url },
  ]
  const { operations } = await parts.start(() => startOperations(stores, options, { listeners, checks }))

  return {
    name: 'up',
    stop: parts.stop,
    mqttPort: ingest.port,
    apiUrl: api.url,
    metricsUrl: metrics.url,
    rootPem: authorityOf(stores).rootPem,
    operations,
  }
}
