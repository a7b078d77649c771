import t from 'tap'
import { createBackOff } from '../../ingest/bridge/back-off.ts'

t.test('each wait is twice the last one, up to half a minute', async (t) => {
  const backOff = createBackOff(() => 0)
  t.same([0, 0, 0, 0, 0, 0, 0, 0].map(backOff), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
})

t.test('up to half of it is left to chance', async (t) => {
  const backOff = createBackOff(() => 0.999)
  t.ok(backOff(0) < 251)
  t.ok(backOff(0) > 500)
})

t.test('a connection that held ends the growth, one that broke at once does not', async (t) => {
  const backOff = createBackOff(() => 0)
  backOff(0)
  t.equal(backOff(100), 1_000)
  t.equal(backOff(29_999), 2_000)
  t.equal(backOff(30_000), 500)
  t.equal(backOff(0), 1_000)
})
