import { createTlsTransport, type Ingest, startIngest } from '../../ingest/service.ts'
import type { CertificateAuthority } from '../../platform/ports/certificate-authority.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { Running } from '../../platform/runtime/lifecycle.ts'
import type { Logger } from '../../platform/runtime/log.ts'
import type { MetricsRegistry } from '../../platform/runtime/metrics-registry.ts'
import { type ReadinessChecks, startQueryApi } from '../../query-api/service.ts'
import { adminSocketPath } from '../admin/socket-path.ts'
import { startAdmin } from '../admin/start-admin.ts'
import { createOperations, type Operations } from '../operations/operations.ts'
import { VERSION } from '../output/version.ts'
import { assertCells } from './assert-cells.ts'
import { readBridgeSettings } from './bridge-settings.ts'
import { listenerCertificate } from './listener-certificate.ts'
import { type ProcessorThread, startProcessorThread } from './processor-thread.ts'
import { readNamed } from './read-named.ts'
import { openSeriesStore, type SeriesStore, seriesForThread } from './series-store.ts'
import type { UpSettings } from './settings.ts'
import type { Stores } from './stores.ts'

export interface PartOptions {
  /** Absolute. */
  readonly folder: string
  readonly settings: UpSettings
  /** A logger for each part, of the same level and form. */
  readonly logFor: (part: string) => Logger
  readonly isPretty: boolean
  /** A thread ended by itself: the process must stop. */
  readonly onDeath: (error: Error) => void
}

export async function startProcessors(stores: Stores, options: PartOptions, isAlone: boolean): Promise<ProcessorThread> {
  const { folder, settings, isPretty, onDeath } = options
  if (settings.influx !== undefined) await assertCells(settings.influx, stores.metadata)
  return startProcessorThread({
    folder,
    config: settings.process,
    logOptions: { level: settings.up.MILLRACE_LOG_LEVEL, part: 'process', isPretty },
    eventLog: await stores.eventLog.forThread(),
    series: seriesForThread(folder, settings.influx),
    ...(settings.up.MILLRACE_CRASH_AT !== undefined && { crashAt: settings.up.MILLRACE_CRASH_AT }),
    metadata: stores.metadata,
    isAlone,
    onDeath,
  })
}

export function openSeries(stores: Stores, { folder, settings, onDeath }: PartOptions): Promise<SeriesStore> {
  const threads = settings.up.MILLRACE_SERIES_READER_THREADS
  return openSeriesStore({ folder, influx: settings.influx, places: stores.metadata, threads, onDeath })
}

export interface ApiSurroundings {
  readonly checks: ReadinessChecks
  readonly registry: MetricsRegistry
}

export function startApi(
  { metadata, eventLog }: Stores,
  { reader }: SeriesStore,
  { settings, logFor }: PartOptions,
  { checks, registry }: ApiSurroundings,
): Promise<Running & { readonly url: string }> {
  return startQueryApi(
    { series: reader, rejections: reader, metadata, eventLog: eventLog.log },
    { config: settings.queryApi, version: VERSION, checks, clock: Date.now, log: logFor('query-api'), registry },
  )
}

export interface Place {
  readonly name: string
  readonly url: string
}

/** What the CLI speaks to. */
export async function startOperations(
  stores: Stores,
  { folder, logFor }: PartOptions,
  { listeners, checks }: { readonly listeners: readonly Place[]; readonly checks: ReadinessChecks },
): Promise<Running & { readonly operations: Operations }> {
  const { metadata, eventLog } = stores
  const operations = createOperations({ metadata, authority: authorityOf(stores), log: eventLog.log, clock: Date.now })
  const describe = async () => ({ listeners: listeners.map((one) => ({ ...one })), checks: await describeChecks(checks) })
  const admin = await startAdmin({ socketPath: adminSocketPath(folder), operations, log: logFor('admin'), describe })
  return { ...admin, operations }
}

export async function startDoor(
  stores: Stores,
  { folder, settings, logFor }: PartOptions,
  { registry, listener }: { readonly registry: MetricsRegistry; readonly listener: string },
): Promise<Ingest> {
  const { metadata, eventLog, authority } = stores
  const { ingest: config, up } = settings
  const clientCaPem = readNamed('MILLRACE_MQTT_CLIENT_CA_FILE', up.MILLRACE_MQTT_CLIENT_CA_FILE)
  const transport = createTlsTransport({
    host: config.MILLRACE_MQTT_HOST,
    port: config.MILLRACE_MQTT_PORT,
    ...(await listenerCertificate(folder, authority, up)),
    rootPem: clientCaPem ?? authorityOf(stores).rootPem,
    connectionsMax: config.MILLRACE_MQTT_CONNECTIONS_MAX,
    handshakeTimeoutMs: config.MILLRACE_MQTT_CONNECT_TIMEOUT_MS,
  })
  return startIngest(
    { eventLog: eventLog.log, registry: metadata, transport, clock: Date.now, listener },
    { config, log: logFor('ingest'), metrics: registry, bridge: await readBridgeSettings(folder, settings.bridge) },
  )
}

/** @throws {MillraceError} `config.invalid` where this process holds no certificate authority. */
export function authorityOf({ authority }: Stores): CertificateAuthority {
  if (authority !== undefined) return authority
  throw new MillraceError('config.invalid', 'This process holds no certificate authority: only `millrace serve` and `up` do.')
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
