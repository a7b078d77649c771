// Goal: topics are made once, as they should be, and what is there is never changed in silence.
import t from 'tap'
import { ensureKafkaTopics, openKafkaLog } from '../../platform/adapters/kafka/open.ts'
import { createReadableLog } from '../flow/listener/log-lines.ts'
import { needsService, openKafka } from '../services.ts'
import { DAY_MS } from './event-log/implementations.ts'
import { openLog, topics } from './kafka/open-log.ts'

t.test('Kafka', { skip: needsService('kafka') }, async (t) => {
  const { brokers } = await openKafka()
  const { connection, report } = await openLog(t, { brokers: brokers.split(',') })
  const { log } = createReadableLog()
  const options = { replicationFactor: 1, log }

  t.test('makes the topics that are not there, with their settings', async (t) => {
    t.match(report, [
      { name: 'orders', state: 'made', partitions: 4, differences: [] },
      { name: 'ping.v1', state: 'made', partitions: 1, differences: [] },
    ])
    t.match(await ensureKafkaTopics(connection, topics, options), [
      { state: 'there', differences: [] },
      { state: 'there', differences: [] },
    ])
  })

  t.test('leaves the partitions and the retention of one that is there, and says so', async (t) => {
    const other = [{ name: 'orders', partitions: 8, retentionMs: 7 * DAY_MS }]
    const difference = { setting: 'retention.ms', wanted: String(7 * DAY_MS), found: String(DAY_MS) }
    const expected = [{ name: 'orders', state: 'other-partitions', partitions: 4, differences: [difference] }, { state: 'there' }]
    t.match(await ensureKafkaTopics(connection, other, options), expected)
    t.match(await ensureKafkaTopics(connection, other, options), expected, 'and the second time again')
  })

  t.test('wants two copies of a message before it is acknowledged, where there are three', async (t) => {
    const [orders] = await ensureKafkaTopics(connection, topics, { ...options, replicationFactor: 3 })
    t.same(orders?.differences, [{ setting: 'min.insync.replicas', wanted: '2', found: '1' }])
  })

  t.test('is not opened without its topics', async (t) => {
    const absent = openKafkaLog({ ...connection, topics: ['absent'], lingerMs: 1, compression: 'none', log })
    await t.rejects(absent, { code: 'event-log.unavailable', message: /absent.*doctor --fix/ })
  })
})
