// Goal: `doctor --fix` makes all that the product needs on servers of an operator's, says what it made, and makes nothing twice.
// Method: real servers, with topics, buckets and a database of this test's own. That the product works on them is pipeline.test.ts.
import t from 'tap'
import { fix } from '../../operate/up/fix.ts'
import { needsServers, serverVariables } from './pipeline/at-scale.ts'
import { startProduct } from './pipeline/world.ts'

const TEST_TIMEOUT_MS = 120_000
t.setTimeout(TEST_TIMEOUT_MS)

t.test('millrace doctor --fix', { skip: needsServers() }, async (t) => {
  const folder = t.testdir()
  const environment = await serverVariables(t)
  await t.rejects(startProduct(t, folder, environment), { code: 'metadata.unavailable' }, 'does not start without its role')
  t.match(await fix(environment), [
    { state: 'ok', found: 'made, 4 partitions' },
    { state: 'ok' },
    { state: 'ok' },
    { state: 'ok' },
    { state: 'ok', found: /^tables up to date, role app_.* made$/ },
    { state: 'ok', found: 'made, keeps points 396 days' },
    { state: 'ok', found: 'made, keeps points 90 days' },
    { state: 'ok', found: /^made, in / },
    { state: 'ok', found: /^made, in / },
  ])
  const again = await fix(environment)
  t.match(
    again,
    [{ found: 'there, 4 partitions' }, {}, {}, {}, { found: /there$/ }, ...Array(4).fill({ found: /^there/ })],
    'a second time changes nothing',
  )

  const up = await startProduct(t, folder, environment)
  t.equal((await fetch(new URL('/readyz', up.apiUrl))).status, 200, 'and it starts with what was made')
})
