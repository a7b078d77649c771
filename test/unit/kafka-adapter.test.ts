// Goal: settings, errors and partitions of the Kafka adapter mean the same everywhere and for ever.
import t from 'tap'
import { kafkaConfig } from '../../platform/adapters/kafka/config.ts'
import { settledWithin } from '../../platform/adapters/kafka/settled-within.ts'
import { asUnavailable, guarded, saysNotOwner } from '../../platform/adapters/kafka/unavailable.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { createPartitioner, partitionOf } from '../../platform/runtime/partition.ts'
import { compile } from '../../schemas/compile.ts'

t.test('a call that kafkajs forgets ends all the same', async (t) => {
  await t.rejects(
    guarded(() => new Promise(() => undefined), 20),
    { code: 'event-log.unavailable', message: /no answer within 0.02 s/ },
  )
  t.equal(await guarded(async () => 7, 20), 7)
})

t.test('a key goes to the partition that it always went to', async (t) => {
  const partitionFor = createPartitioner(new Map([['orders', 12]]))
  // Worked out by another program, in Python: if these change, the order of every key in every Kafka is lost.
  const known = { 'acme/gw-1': 8, 'acme/gw-2': 5, 'ключ/🏭': 1, '': 1 }
  for (const [key, partition] of Object.entries(known)) {
    t.equal(partitionOf(key, 12), partition, key)
    t.equal(partitionFor('orders', key), partition, key)
  }
})

t.test('an error of Kafka is one to try again, with its cause', async (t) => {
  const cause = new Error('connect ECONNREFUSED')
  t.match(asUnavailable(cause), { code: 'event-log.unavailable', remedy: 'retry', message: /ECONNREFUSED/, cause })
  const own = new MillraceError('event-log.not-owner', 'gone')
  t.equal(asUnavailable(own), own, 'one of ours stays what it is')
})

t.test('only what a coordinator says to a stranger means that partitions have gone', async (t) => {
  const stranger = Object.assign(new Error('no'), { type: 'ILLEGAL_GENERATION' })
  t.ok(saysNotOwner(stranger))
  t.ok(saysNotOwner(Object.assign(new Error('gave up'), { cause: stranger })), 'also where kafkajs has wrapped it')
  t.notOk(saysNotOwner(Object.assign(new Error('no'), { type: 'COORDINATOR_LOAD_IN_PROGRESS' })))
  t.notOk(saysNotOwner(new Error('away')))
  t.notOk(saysNotOwner(undefined))
})

t.test('nobody waits longer than he said, nor for a failure', async (t) => {
  await settledWithin(new Promise(() => undefined), 20)
  await settledWithin(Promise.reject(new Error('failed')), 60_000)
  t.pass('both came back')
})

t.test('settings', async (t) => {
  const isValid = compile(kafkaConfig)
  const brokers = { MILLRACE_KAFKA_BROKERS: 'kafka-1:9092,kafka-2:9092' }
  t.ok(isValid({ ...brokers }))
  for (const wrong of ['kafka', 'kafka:', ':9092', 'a:1,', 'a:1 b:2', 'http://a:1'])
    t.notOk(isValid({ MILLRACE_KAFKA_BROKERS: wrong }), wrong)
  t.notOk(isValid({ ...brokers, MILLRACE_KAFKA_SASL_USERNAME: 'me' }), 'a name without a mechanism')
  t.notOk(isValid({ ...brokers, MILLRACE_KAFKA_SASL_MECHANISM: 'scram-sha-512', MILLRACE_KAFKA_SASL_USERNAME: 'me' }))
  t.notOk(isValid({ ...brokers, MILLRACE_KAFKA_SASL_MECHANISM: 'plain' }))
  t.notOk(isValid({ ...brokers, MILLRACE_KAFKA_COMPRESSION: 'snappy' }))
})
