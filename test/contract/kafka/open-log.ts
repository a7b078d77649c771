import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { ensureKafkaTopics, type KafkaLog, type KafkaLogOptions, openKafkaLog } from '../../../platform/adapters/kafka/open.ts'
import { createReadableLog } from '../../flow/listener/log-lines.ts'
import { DAY_MS, order, PARTITIONS } from '../event-log/implementations.ts'

export const topics = [{ name: 'orders', partitions: PARTITIONS, retentionMs: DAY_MS }]

type Wanted = Partial<KafkaLogOptions> & Pick<KafkaLogOptions, 'brokers'>

/** Topics and groups of its own, closed after the test. With the prefix of another it is another client of the same log. */
export async function openLog(t: Test, wanted: Wanted, replicationFactor = 1) {
  const { log: logger, lines } = createReadableLog()
  const connection = { clientId: 'test', topicPrefix: `${randomBytes(8).toString('hex')}.`, ...wanted }
  const report = await ensureKafkaTopics(connection, topics, { replicationFactor, log: logger })
  const log = await openKafkaLog({ topics: ['orders'], lingerMs: 1, compression: 'none', log: logger, ...connection })
  t.teardown(() => log.close())
  return { log, lines, connection, report }
}

/** One append for each value, by keys that spread over all partitions. */
export async function appendMany(log: KafkaLog, values: readonly string[]): Promise<void> {
  await Promise.all(values.map((value, index) => log.append([order(`key-${index}`, value)])))
}

export const numbers = (count: number, prefix = ''): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)
