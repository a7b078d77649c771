// A consumer in a process of its own, to be killed: joins the group, polls without committing, and says what it got.

import { openKafkaLog } from '../../../platform/adapters/kafka/open.ts'
import { createLogger } from '../../../platform/runtime/log.ts'

const [, , brokers = '', topicPrefix = ''] = process.argv
const log = await openKafkaLog({
  brokers: [brokers],
  clientId: 'to-be-killed',
  topicPrefix,
  topics: ['orders'],
  lingerMs: 1,
  compression: 'none',
  log: createLogger({ level: 'silent', part: 'test', isPretty: false }),
})
const consumer = await log.join('group', ['orders'])
process.stdout.write('joined\n')
for (;;) {
  const records = await consumer.poll({ recordsMax: 1_000, bytesMax: 1_048_576 }, new AbortController().signal)
  process.stdout.write(`polled ${records.length}\n`)
}
