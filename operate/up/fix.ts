import type { TopicReport } from '../../platform/adapters/kafka/topics.ts'
import { armCrashPoint, crashPoint } from '../../platform/runtime/crash-points.ts'
import { createLogger, type Logger } from '../../platform/runtime/log.ts'
import type { Environment } from '../../platform/runtime/read-config.ts'
import { type Finding, ok, warn } from '../doctor/finding.ts'
import { ensureTopics } from './event-log.ts'
import { fixInflux } from './fix-influx.ts'
import type { PostgresSettings } from './postgres-settings.ts'
import { readUpSettings, type UpSettings } from './settings.ts'

/** Makes what the settings need and isn't there, outside of the data folder: Kafka's topics, PostgreSQL's tables and role, InfluxDB's buckets and tokens. Takes nothing away, and may be run again whenever it was broken off. */
export async function fix(environment: Environment): Promise<readonly Finding[]> {
  const settings = readUpSettings(environment)
  const log = createLogger({ level: 'warn', part: 'doctor', isPretty: false })
  armCrashPoint(settings.up.MILLRACE_CRASH_AT)
  const topics = await fixTopics(settings, log)
  crashPoint('fix.after-topics')
  const tables = await fixPostgres(settings.postgres, log)
  crashPoint('fix.after-tables')
  return [...topics, ...tables, ...(await fixInflux(settings))]
}

async function fixTopics({ kafka, up }: UpSettings, log: Logger): Promise<readonly Finding[]> {
  if (kafka === undefined) return []
  const report = await ensureTopics(up, kafka, log)
  return report.map((topic) => findingOf(`topic ${kafka.connection.topicPrefix}${topic.name}`, topic))
}

function findingOf(topic: string, { state, partitions, copies, isShort, differences }: TopicReport): Finding {
  if (state === 'other-partitions') {
    const advice =
      'Left as it is: with more partitions a gateway would go elsewhere than before. Set MILLRACE_LOG_PARTITIONS to this, or use another prefix.'
    return warn(topic, `${partitions} partitions, not as set`, advice)
  }
  if (differences.length > 0) {
    const found = differences.map(({ setting, found, wanted }) => `${setting} is ${found}, not ${wanted}`).join('; ')
    const advice =
      'Left as it is. Change it with kafka-configs.sh (copies: kafka-reassign-partitions.sh), or the settings of Millrace, if it is not meant so.'
    return warn(topic, found, advice)
  }
  const found = `${state}, ${partitions} partitions, ${copies === 1 ? 'one copy' : `${copies} copies`}`
  if (!isShort) return ok(topic, found)
  const advice = `With three brokers, one may be lost, disk and all. If so few are meant, set MILLRACE_KAFKA_REPLICATION_FACTOR=${copies}.`
  return warn(topic, found, advice)
}

async function fixPostgres(postgres: PostgresSettings | undefined, log: Logger): Promise<readonly Finding[]> {
  if (postgres === undefined) return []
  const { owner, connection } = postgres
  if (owner === undefined)
    return [warn('PostgreSQL', 'not touched', 'Set MILLRACE_POSTGRES_ADMIN_URL, so that tables and role can be made.')]
  const { ensurePostgres } = await import('../../platform/adapters/postgres/ensure.ts')
  const name = new URL(connection.url).username
  const { isRoleNew } = await ensurePostgres({ ...owner, log }, { name, password: connection.password ?? '' })
  return [ok('PostgreSQL', `tables up to date, role ${name} ${isRoleNew ? 'made' : 'there'}`)]
}
