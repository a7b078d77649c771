import { createLogger } from '../../platform/runtime/log.ts'
import type { Environment } from '../../platform/runtime/read-config.ts'
import { type Finding, ok, warn } from '../doctor/finding.ts'
import { ensureTopics } from './event-log.ts'
import { readUpSettings } from './settings.ts'

/** Makes what the settings need and isn't there, outside of the data folder: Kafka's topics. Changes nothing that is there. */
export async function fix(environment: Environment): Promise<readonly Finding[]> {
  const { kafka, up } = readUpSettings(environment)
  if (kafka === undefined) return []
  const log = createLogger({ level: 'warn', part: 'doctor', isPretty: false })
  const report = await ensureTopics(up, kafka, log)
  return report.map(({ name, state, partitions }) => {
    const topic = `topic ${kafka.connection.topicPrefix}${name}`
    if (state !== 'other-partitions') return ok(topic, `${state}, ${partitions} partitions`)
    const advice =
      'Left as it is: with more partitions a gateway would go elsewhere than before. Set MILLRACE_LOG_PARTITIONS to this, or use another prefix.'
    return warn(topic, `${partitions} partitions, not as set`, advice)
  })
}
