// Goal: to know what another client, @platformatic/kafka, keeps to of the event log's promises, for the day when it may replace kafkajs.
// Method: an adapter that is no part of the product runs the suite that every EventLog runs: `node bench/kafka-clients/contract.ts`. It is no test of ours:
// on a busy machine it has failed once in six runs (docs/decisions/0012-kafka.md).
import { createHash } from 'node:crypto'
import t from 'tap'
import { ensureKafkaTopics } from '../../platform/adapters/kafka/open.ts'
import { type LogImplementation, topics } from '../../test/contract/event-log/implementations.ts'
import { keepsRecords } from '../../test/contract/event-log/keeps-records.ts'
import { servesGroups } from '../../test/contract/event-log/serves-groups.ts'
import { createReadableLog } from '../../test/flow/listener/log-lines.ts'
import { needsService, openKafka } from '../../test/services.ts'
import { openPlatformaticLog } from './platformatic-log.ts'

t.setTimeout(180_000)

const candidate: LogImplementation = {
  name: '@platformatic/kafka',
  async open(place) {
    const { brokers } = await openKafka()
    const topicPrefix = `${createHash('sha256').update(`${place} ${process.pid} candidate`).digest('hex').slice(0, 16)}.`
    const connection = { brokers: brokers.split(','), clientId: 'contract', topicPrefix }
    await ensureKafkaTopics(connection, topics, { replicationFactor: 1, log: createReadableLog().log })
    const partitions = new Map(topics.map((topic) => [topic.name, topic.partitions]))
    const log = await openPlatformaticLog({ ...connection, topics: partitions, lingerMs: 1 })
    return { log, close: () => log.close() }
  },
}

t.test(candidate.name, { skip: needsService('kafka') }, async (t) => {
  keepsRecords(t, candidate)
  servesGroups(t, candidate)
})
