import t from 'tap'
import { createLease } from '../../platform/adapters/kafka/lease.ts'

t.test('a lease is as old as the question that was answered', async (t) => {
  const lease = createLease()
  t.equal(lease.ageMs(), Number.POSITIVE_INFINITY, 'and without one, older than anything')
  lease.renew(performance.now() - 4_000)
  const ageMs = lease.ageMs()
  t.ok(ageMs >= 4_000 && ageMs < 5_000, `${ageMs}`)
  lease.renew(performance.now())
  t.ok(lease.ageMs() < 1_000)
})

t.test('a clock that is set, either way, makes it older and never younger', async (t) => {
  const lease = createLease()
  lease.renew(performance.now())
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  for (const byMs of [-60_000, 60_000]) {
    Date.now = () => now() + byMs
    t.ok(lease.ageMs() > 50_000, `${byMs} ms`)
  }
})
