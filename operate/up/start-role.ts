import { randomUUID } from 'node:crypto'
import { armCrashPoint } from '../../platform/runtime/crash-points.ts'
import { createParts, type Parts, type Running } from '../../platform/runtime/lifecycle.ts'
import { createProcessRegistry, type MetricsRegistry, type MetricsSnapshot } from '../../platform/runtime/metrics-registry.ts'
import { metricsOptions, startMetricsServer } from '../../platform/runtime/metrics-server.ts'
import { seldomCollect } from '../../platform/runtime/seldom-collect.ts'
import type { ReadinessChecks } from '../../query-api/service.ts'
import { assertShared, type Role } from './roles.ts'
import { openSeries, type PartOptions, type Place, startApi, startDoor, startOperations, startProcessors } from './start-parts.ts'
import { openStores, type Stores } from './stores.ts'

export interface RunningRole extends Running {
  readonly listeners: readonly Place[]
}

interface RoleParts {
  readonly listeners: readonly Place[]
  readonly checks: ReadinessChecks
  readonly gather?: () => Promise<readonly MetricsSnapshot[]>
}

/** One role in a process of its own; its stores are servers that others use too. @throws {MillraceError} `config.invalid`. */
export async function startRole(role: Role, options: PartOptions): Promise<RunningRole> {
  const { folder, settings, logFor, onDeath } = options
  assertShared(role, settings)
  if (role !== 'serve') seldomCollect()
  const { up, kafka, postgres } = settings
  armCrashPoint(up.MILLRACE_CRASH_AT)
  const registry = createProcessRegistry()
  const parts = createParts(logFor(role))
  const stores = await parts.start(() =>
    openStores({ folder, config: up, kafka, postgres, log: logFor('stores'), onDeath, hasAuthority: role === 'serve' }),
  )
  const checks = { 'event-log': () => stores.eventLog.log.ping(), metadata: () => stores.metadata.ping() }
  const started = await START[role]({ parts, stores, options, registry, checks })
  const { gather } = started
  const metrics = await parts.start(() =>
    startMetricsServer({ ...metricsOptions(up), registry, checks: started.checks, ...(gather && { gather }) }),
  )
  const listeners = [...started.listeners, { name: 'metrics', url: metrics.url }]
  if (role === 'serve') await parts.start(() => startOperations(stores, options, { listeners, checks: started.checks }))
  return { name: role, listeners, stop: parts.stop }
}

interface RoleStart {
  readonly parts: Parts
  readonly stores: Stores
  readonly options: PartOptions
  readonly registry: MetricsRegistry
  readonly checks: ReadinessChecks
}

const START: Readonly<Record<Role, (start: RoleStart) => Promise<RoleParts>>> = {
  async ingest({ parts, stores, options, registry, checks }) {
    const door = await parts.start(() => startDoor(stores, options, { registry, listener: randomUUID() }))
    const url = `mqtts://${options.settings.ingest.MILLRACE_MQTT_HOST}:${door.port}`
    return { listeners: [{ name: 'mqtt', url }], checks }
  },

  async process({ parts, stores, options, checks }) {
    const processors = await parts.start(() => startProcessors(stores, options, true))
    const gather = async () => [await processors.metrics()]
    return { listeners: [], checks: { ...checks, 'stream-processors': processors.ready }, gather }
  },

  async serve({ parts, stores, options, registry, checks }) {
    const series = await parts.start(() => openSeries(stores, options))
    const all = { ...checks, 'time-series': series.ping }
    const api = await parts.start(() => startApi(stores, series, options, { checks: all, registry }))
    return { listeners: [{ name: 'http', url: api.url }], checks: all }
  },
}
