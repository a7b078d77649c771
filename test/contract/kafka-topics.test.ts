// Goal: topics are made once, as they should be, and what is there is never changed in silence.
import t from 'tap'
import { fix } from '../../operate/up/fix.ts'
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

  t.test('says when a topic that is there has other copies, and asks for no more in sync than it has', async (t) => {
    const [orders] = await ensureKafkaTopics(connection, topics, { replicationFactor: 3, log })
    t.same(orders?.differences, [{ setting: 'replication.factor', wanted: '3', found: '1' }])
  })

  t.test('makes as many copies as there are brokers where nobody says how many, and tells that they are few', async (t) => {
    const fresh = { ...connection, topicPrefix: `few.${connection.topicPrefix}` }
    t.match(await ensureKafkaTopics(fresh, topics, { log }), [{ state: 'made', copies: 1, isShort: true, differences: [] }, {}])
    t.match(await ensureKafkaTopics(fresh, topics, options), [{ state: 'there', isShort: false, differences: [] }, {}])
    const variables = { MILLRACE_KAFKA_BROKERS: brokers, MILLRACE_KAFKA_TOPIC_PREFIX: `fix.${connection.topicPrefix}` }
    const [finding] = await fix(variables)
    t.match(finding, { state: 'warn', found: 'made, 4 partitions, one copy', advice: /set MILLRACE_KAFKA_REPLICATION_FACTOR=1/ })
  })

  t.test('makes nothing where more copies are asked for than there are brokers', async (t) => {
    const fresh = { ...connection, topicPrefix: `many.${connection.topicPrefix}` }
    const message = /asks for 3 copies, and Kafka has one broker now. Start those that are down, or set it lower/
    await t.rejects(ensureKafkaTopics(fresh, topics, { replicationFactor: 3, log }), { code: 'event-log.unavailable', message })
  })

  t.test('is not opened without its topics', async (t) => {
    const absent = openKafkaLog({ ...connection, topics: ['absent'], lingerMs: 1, compression: 'none', log })
    await t.rejects(absent, { code: 'event-log.unavailable', message: /absent.*doctor --fix/ })
  })
})
