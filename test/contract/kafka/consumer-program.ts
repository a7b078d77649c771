// A consumer in a process of its own, to be killed: joins the group, polls, commits what it said that it got.

import { openKafkaLog } from '../../../platform/adapters/kafka/open.ts'
import { createLogger } from '../../../platform/runtime/log.ts'

const [, , brokers = '', topicPrefix = ''] = process.argv
const log = await openKafkaLog({
  brokers: brokers.split(','),
  clientId: 'to-be-killed',
  topicPrefix,
  topics: ['orders'],
  lingerMs: 1,
  compression: 'none',
  log: createLogger({ level: 'silent', part: 'test', isPretty: false }),
})
const consumer = await log.join('group', ['orders'])
for (;;) {
  const records = await consumer.poll({ recordsMax: 1_000, bytesMax: 1_048_576 }, new AbortController().signal)
  for (const { value } of records) process.stdout.write(`${Buffer.from(value)}\n`)
  await consumer.commit().catch((error: { code?: string }) => {
    if (error.code !== 'event-log.not-owner') throw error
  })
}
