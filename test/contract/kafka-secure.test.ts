// Goal: Kafka is spoken to by TLS 1.3 and SCRAM where that is set, and by nobody who only claims to be it.
// Method: a real broker of this test's own, with certificates made by openssl.
import { rootCertificates } from 'node:tls'
import t from 'tap'
import { needs } from '../programs.ts'
import { needsService } from '../services.ts'
import { limit, never, order, text } from './event-log/implementations.ts'
import { openLog } from './kafka/open-log.ts'
import { PASSWORD, startSecureBroker, USER } from './kafka/secure-broker.ts'

t.setTimeout(240_000)

t.test('Kafka with TLS and SCRAM', { skip: needsService('kafka') || needs('openssl') }, async (t) => {
  const { brokers, caPem } = await startSecureBroker(t)
  const [otherPem = ''] = rootCertificates
  const sasl = { username: USER, password: PASSWORD }

  for (const mechanism of ['scram-sha-256', 'scram-sha-512'] as const) {
    t.test(`carries records both ways, by ${mechanism}`, async (t) => {
      const { log } = await openLog(t, { brokers, caPem, sasl: { ...sasl, mechanism } })
      const consumer = await log.join('group', ['orders'])
      await log.append([order('key', 'sealed')])
      const polled = await consumer.poll(limit, never)
      await consumer.commit()
      const partition = polled[0]?.partition ?? -1
      const read = await log.read({ topic: 'orders', partition, offset: 0 }, limit)
      for (const records of [polled, read])
        t.same(
          records.map(({ value }) => text(value)),
          ['sealed'],
        )
    })
  }

  t.test('refuses a password that is wrong, without saying it', async (t) => {
    const wrong = openLog(t, { brokers, caPem, sasl: { ...sasl, password: 'not-this-one', mechanism: 'scram-sha-512' } })
    const error = await wrong.then(() => undefined).catch((caught: Error) => caught)
    t.match(error, { code: 'event-log.unavailable', message: /authentication/i })
    t.notMatch(error?.message, /not-this-one/)
  })

  t.test('does not speak to a broker whose certificate it can not prove', async (t) => {
    const other = await openLog(t, { brokers, caPem: otherPem, sasl: { ...sasl, mechanism: 'scram-sha-512' } }).catch(
      (caught: Error) => caught,
    )
    t.match(other, { code: 'event-log.unavailable', message: /none of the roots in the file of MILLRACE_KAFKA_CA_FILE/ })
  })

  t.test('does not fall back to plain TCP', async (t) => {
    await t.rejects(openLog(t, { brokers }), { code: 'event-log.unavailable' })
  })
})
