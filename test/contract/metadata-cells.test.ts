// Goal: a tenant has one place among the cells of the time-series store, for ever, whoever gives it and however often.
// Method: the same suite against each metadata store, over a real file or server.
import t, { type Test } from 'tap'
import type { Metadata } from '../../platform/ports/metadata.ts'
import { metadataImplementations } from './metadata/implementations.ts'

const TENANTS = ['a', 'b', 'c', 'd']
const AT_ONCE = 20

for (const { name, skip, open } of metadataImplementations) {
  t.test(`${name}: places of tenants`, { skip: skip ?? false }, async (t) => {
    async function fresh(t: Test): Promise<Metadata> {
      const { metadata, close } = await open(t.testdir())
      t.teardown(close)
      return metadata
    }

    t.test('new tenants go to the cell with the fewest; a new cell moves nobody', async (t) => {
      const metadata = await fresh(t)
      t.same(await metadata.tenantsByCell(), new Map())
      const before = await metadata.placeTenants(TENANTS, ['one', 'two'])
      t.same([...before.values()].toSorted(), ['one', 'one', 'two', 'two'])
      const after = await metadata.placeTenants([...TENANTS, 'e', 'f'], ['one', 'two', 'three'])
      for (const [tenant, cell] of before) t.equal(after.get(tenant), cell)
      t.equal(after.get('e'), 'three')
      t.equal(after.get('f'), 'three')
      t.same(
        await metadata.tenantsByCell(),
        new Map([
          ['one', 2],
          ['two', 2],
          ['three', 2],
        ]),
      )
    })

    t.test('a place counts also where its cell is not in the table that asks, and asking gives none', async (t) => {
      const metadata = await fresh(t)
      await metadata.placeTenants(['a'], ['two'])
      t.same(await metadata.placeTenants(['a'], ['one']), new Map([['a', 'two']]))
      t.same(await metadata.placesOf(['a', 'nobody']), new Map([['a', 'two']]))
      t.same(await metadata.placesOf([]), new Map())
    })

    t.test('all who place a tenant at the same time get the same answer', async (t) => {
      const metadata = await fresh(t)
      const cells = ['one', 'two', 'three']
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => metadata.placeTenants(TENANTS, cells)))
      for (const answer of answers) t.same(answer, answers[0])
      t.same(await metadata.placesOf(TENANTS), answers[0])
    })
  })
}
