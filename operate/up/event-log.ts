import type { KafkaLogOptions } from '../../platform/adapters/kafka/open.ts'
import type { TopicReport } from '../../platform/adapters/kafka/topics.ts'
import { openSqliteLog } from '../../platform/adapters/sqlite/log/open.ts'
import type { EventLog } from '../../platform/ports/event-log.ts'
import type { Logger } from '../../platform/runtime/log.ts'
import { ALERTS_TOPIC, LOG_TOPICS, READINGS_TOPIC, REJECTED_TOPIC } from '../../schemas/topics.ts'
import type { ThreadLog } from '../../stream-processors/main.ts'
import type { UpConfig } from './config.ts'
import type { KafkaSettings } from './kafka-settings.ts'

export type LogConfig = Pick<
  UpConfig,
  | 'MILLRACE_LOG_PARTITIONS'
  | 'MILLRACE_LOG_RETENTION_DAYS'
  | 'MILLRACE_LOG_REJECTED_RETENTION_DAYS'
  | 'MILLRACE_LOG_BYTES_MAX'
  | 'MILLRACE_LOG_LINGER_MS'
>

export interface OpenedLog {
  readonly log: EventLog
  /** What a thread needs to open the same log for itself. */
  forThread(): Promise<ThreadLog>
  close(): Promise<void>
}

export interface LogPlace {
  readonly folder: string
  readonly config: LogConfig
  readonly kafka?: KafkaSettings | undefined
  readonly log: Logger
  readonly onDeath: (error: Error) => void
}

const DAY_MS = 86_400_000
const RETENTION_EVERY_MS = 60_000

/** Kafka where its brokers are set, otherwise SQLite in the data folder. */
export async function openEventLog({ folder, config, kafka, log, onDeath }: LogPlace): Promise<OpenedLog> {
  if (kafka !== undefined) {
    const options = kafkaOptions(config, kafka)
    // Loaded where it is used: without Kafka, its client takes no memory.
    const { openKafkaLog } = await import('../../platform/adapters/kafka/open.ts')
    const opened = await openKafkaLog({ ...options, log })
    return { log: opened, forThread: async () => ({ kind: 'kafka', options }), close: opened.close }
  }
  const opened = await openSqliteLog({
    folder,
    onDeath,
    topics: topicsOf(config),
    bytesMax: config.MILLRACE_LOG_BYTES_MAX,
    lingerMs: config.MILLRACE_LOG_LINGER_MS,
    retentionEveryMs: RETENTION_EVERY_MS,
  })
  return { log: opened, forThread: async () => ({ kind: 'sqlite', port: await opened.connect() }), close: opened.close }
}

/** Makes what isn't there of the topics: `millrace doctor --fix`. */
export async function ensureTopics(
  config: LogConfig,
  { connection, replicationFactor }: KafkaSettings,
  log: Logger,
): Promise<readonly TopicReport[]> {
  const { ensureKafkaTopics } = await import('../../platform/adapters/kafka/open.ts')
  return ensureKafkaTopics(connection, topicsOf(config), { log, ...(replicationFactor !== undefined && { replicationFactor }) })
}

export function kafkaOptions(config: LogConfig, { connection, compression }: KafkaSettings): Omit<KafkaLogOptions, 'log'> {
  return { ...connection, topics: LOG_TOPICS, lingerMs: config.MILLRACE_LOG_LINGER_MS, compression }
}

function topicsOf(config: LogConfig) {
  const retentionMs = config.MILLRACE_LOG_RETENTION_DAYS * DAY_MS
  return [
    { name: READINGS_TOPIC, partitions: config.MILLRACE_LOG_PARTITIONS, retentionMs },
    { name: REJECTED_TOPIC, partitions: 1, retentionMs: config.MILLRACE_LOG_REJECTED_RETENTION_DAYS * DAY_MS },
    { name: ALERTS_TOPIC, partitions: 1, retentionMs },
  ]
}
