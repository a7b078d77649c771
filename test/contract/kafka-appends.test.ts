// Goal: what is large or too much is cut or refused, and nothing that wasn't stored is acknowledged.
import { Kafka, logLevel } from 'kafkajs'
import t from 'tap'
import type { NewRecord } from '../../platform/ports/event-log.ts'
import { needsService, openKafka } from '../services.ts'
import { order, text } from './event-log/implementations.ts'
import { appendMany, numbers, openLog } from './kafka/open-log.ts'

const MIB = 1_048_576

t.test('Kafka', { skip: needsService('kafka') }, async (t) => {
  const { brokers } = await openKafka()
  const address = { brokers: brokers.split(',') }

  t.test('takes an append that is larger than a batch may be, in its order', async (t) => {
    const { log } = await openLog(t, address)
    const large: NewRecord[] = numbers(20).map((name) => order('key', name.padEnd(MIB)))
    await log.append(large)
    const lists = await Promise.all(
      [0, 1, 2, 3].map((partition) =>
        log.read({ topic: 'orders', partition, offset: 0 }, { recordsMax: 100, bytesMax: 100 * MIB }),
      ),
    )
    t.same(
      lists.flat().map(({ value }) => text(value).trimEnd()),
      numbers(20),
    )
  })

  t.test('refuses a record that Kafka would refuse for ever, alone', async (t) => {
    const { log } = await openLog(t, address)
    const neighbours = appendMany(log, numbers(10))
    const alone = log.append([{ topic: 'orders', key: 'key', value: new Uint8Array(8 * MIB) }])
    await t.rejects(alone, /larger than/)
    await t.resolves(neighbours)
    await t.resolves(log.append([{ topic: 'orders', key: 'key', value: new Uint8Array(7 * MIB) }]), 'one that just fits is taken')
  })

  t.test('refuses what it has no room for, and takes again afterwards', async (t) => {
    const { log } = await openLog(t, { ...address, bufferedRecordsMax: 100, lingerMs: 200 })
    const outcomes = await Promise.allSettled(numbers(150).map((value) => log.append([order('key', value)])))
    t.same(
      outcomes.map(({ status }) => status === 'fulfilled'),
      numbers(150).map((_, index) => index < 100),
    )
    t.match(outcomes.at(-1), { reason: { code: 'event-log.unavailable', message: /does not keep up/ } })
    await t.resolves(appendMany(log, numbers(100)))
  })

  t.test('tells of records that retention took before their group had committed them', async (t) => {
    const { log, connection } = await openLog(t, address)
    const put = async (names: readonly string[]): Promise<void> => {
      for (const name of names) await log.append([order('key', name)])
    }
    await put(numbers(3))
    const consumer = await log.join('readers', ['orders'])
    const read = await consumer.poll({ recordsMax: 3, bytesMax: MIB }, new AbortController().signal)
    await consumer.commit()
    await consumer.close()
    await put(numbers(7))
    const partition = read[0]?.partition ?? 0
    const expired = async () => (await log.lag('readers', 'orders')).reduce((sum, lag) => sum + lag.expired, 0)
    t.equal(await expired(), 0)
    const admin = new Kafka({ ...address, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const topic = `${connection.topicPrefix}orders`
    // Its metadata, which deleting doesn't ask for by itself.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: '8' }] })
    await admin.disconnect()
    const gone = 8 - read.length
    t.equal(await expired(), gone, `${gone} records`)
    t.equal(
      (await log.lag('never-joined', 'orders')).reduce((sum, lag) => sum + lag.expired, 0),
      0,
      'a new group has missed none',
    )
  })

  t.test('does not acknowledge what is for a partition that has gone', async (t) => {
    const { log, connection } = await openLog(t, address)
    const admin = new Kafka({ ...address, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const topic = `${connection.topicPrefix}orders`
    await admin.deleteTopics({ topics: [topic] })
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
    await admin.disconnect()
    await t.rejects(appendMany(log, numbers(20)), { code: 'event-log.unavailable' })
    await t.rejects(appendMany(log, numbers(20)), { code: 'event-log.unavailable' }, 'however often it is tried')
  })
})
