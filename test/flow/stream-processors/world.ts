import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { openSqliteLog } from '../../../platform/adapters/sqlite/log/open.ts'
import { openSqliteMetadata } from '../../../platform/adapters/sqlite/metadata/open.ts'
import { openSeriesReader } from '../../../platform/adapters/sqlite/series/open-reader.ts'
import { openSeriesWriter, type SeriesLimits } from '../../../platform/adapters/sqlite/series/open-writer.ts'
import type { EventLog, LogRecord, NewRecord } from '../../../platform/ports/event-log.ts'
import { proveTenant } from '../../../platform/ports/tenant-scope.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import { compileForText } from '../../../schemas/compile.ts'
import { encodeEnvelope } from '../../../schemas/envelope.ts'
import { READINGS_TOPIC, REJECTED_TOPIC } from '../../../schemas/topics.ts'
import { type ProcessConfig, processConfig } from '../../../stream-processors/config.ts'
import { consumerGroup } from '../../../stream-processors/consumer-groups.ts'
import { createProcessMetrics } from '../../../stream-processors/metrics.ts'
import { type ProcessPorts, startProcessors } from '../../../stream-processors/service.ts'
import { DAY_MS, never, readAll, until } from '../../unit/sqlite-log/open-log.ts'

export const acme = proveTenant('acme')
export const PARTITIONS = 2
const quiet = createLogger({ level: 'silent', part: 'test', isPretty: false })
const everythingOf = { metrics: [], fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 10_000 }

/** A reading now, so that retention leaves it alone. */
export const NOW_MS = Date.now()

export interface WorldOptions {
  readonly limits?: Partial<SeriesLimits>
  /** Stands between the processors and their stores. */
  readonly through?: (ports: ProcessPorts) => Partial<ProcessPorts>
  readonly config?: Partial<ProcessConfig>
}

export function message(readings: readonly unknown[], changes: { key?: string; receivedMs?: number } = {}): NewRecord {
  const { key = 'acme/gw-1', receivedMs = NOW_MS + 5 } = changes
  const payload = Buffer.from(JSON.stringify({ readings }))
  return { topic: READINGS_TOPIC, key, value: encodeEnvelope({ codec: 'json', receivedMs, traceparent: '', payload }) }
}

export function defaultConfig(changes: Partial<ProcessConfig> = {}): ProcessConfig {
  const config: unknown = { MILLRACE_PROCESS_GATHER_MS: '0' }
  const validate = compileForText<ProcessConfig>(processConfig)
  if (!validate(config)) throw new Error('The defaults of the processors are not valid.')
  return { ...config, ...changes }
}

/** The real stores in a temporary folder, with the processors between them in this thread. */
export async function openWorld(t: Test, { limits = {}, through = () => ({}), config = {} }: WorldOptions = {}) {
  const folder = t.testdir()
  const onDeath = (error: Error) => t.fail('a thread ended by itself', { error })
  const topics = [
    { name: READINGS_TOPIC, partitions: PARTITIONS, retentionMs: DAY_MS },
    { name: REJECTED_TOPIC, partitions: 1, retentionMs: DAY_MS },
  ]
  const eventLog = await openSqliteLog({ folder, topics, bytesMax: 0, lingerMs: 1, retentionEveryMs: DAY_MS, onDeath })
  t.teardown(() => eventLog.close())
  const metadata = await openSqliteMetadata({ folder, onDeath })
  t.teardown(() => metadata.close())
  await metadata.addTenant({ id: 'acme', name: 'Acme', createdMs: 0 })
  const series = openSeriesWriter({ folder, limits })
  t.teardown(() => series.close())
  const reader = await openSeriesReader({ folder, threads: 1, onDeath })
  t.teardown(() => reader.close())
  const ports = { eventLog, series, rejections: series, retention: series, sensors: metadata }
  const deaths: Error[] = []
  let metrics = new Registry()

  const lag = (processor: 'store' | 'rejections', topic: string): Promise<number> =>
    lagOf(eventLog, consumerGroup(processor), topic)
  return {
    folder,
    eventLog,
    metadata,
    reader,
    deaths,
    append: (...records: readonly NewRecord[]) => eventLog.append(records),
    async start() {
      metrics = new Registry()
      const surroundings = {
        config: defaultConfig(config),
        log: quiet,
        metrics: createProcessMetrics(metrics),
        onDeath: (error: Error) => deaths.push(error),
      }
      const running = await startProcessors({ ...ports, ...through(ports) }, surroundings)
      let isStopped = false
      const stop = async (): Promise<void> => {
        if (!isStopped) await running.stop()
        isStopped = true
      }
      t.teardown(stop)
      return { stop }
    },
    lag: () => lag('store', READINGS_TOPIC),
    /** Everything is processed, what was rejected on the way too. */
    settled: () =>
      until(async () => (await lag('store', READINGS_TOPIC)) === 0 && (await lag('rejections', REJECTED_TOPIC)) === 0),
    rows: async (sensor: string, tenant = acme) =>
      (await reader.range(tenant, { sensor, ...everythingOf }, never)).map(({ timestampMs, values }) => [
        timestampMs,
        Object.fromEntries(values),
      ]),
    rejected: (): Promise<readonly LogRecord[]> => readAll(eventLog, REJECTED_TOPIC),
    indexed: (tenant = acme) => reader.rejections(tenant, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 1_000 }, never),
    /** What a metric says now; 0 when it says nothing. */
    async metric(name: string, labels: object = {}): Promise<number> {
      const { values } = (await metrics.getSingleMetric(name)?.get()) ?? { values: [] }
      return values.find((one) => JSON.stringify(one.labels) === JSON.stringify(labels))?.value ?? 0
    },
    /** A connection to a store's file, for standing in the way. */
    spy(file: string): DatabaseSync {
      const spy = new DatabaseSync(join(folder, file))
      t.teardown(() => spy.close())
      return spy
    },
  }
}

async function lagOf(log: Pick<EventLog, 'lag'>, group: string, topic: string): Promise<number> {
  return (await log.lag(group, topic)).reduce((sum, { records }) => sum + records, 0)
}
