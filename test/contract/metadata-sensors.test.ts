// Goal: the metadata store's list of sensors is right whatever the order and size of the batches that write it.
// Method: the same suite against each implementation, over a real file or server.
import t, { type Test } from 'tap'
import type { Metadata, Sensor } from '../../platform/ports/metadata.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { metadataImplementations, T0 } from './metadata/implementations.ts'

const acme = proveTenant('acme')
const bolt = proveTenant('bolt')
const sensor = (id: string, changes: Partial<Sensor> = {}): Sensor => ({
  tenant: 'acme',
  id,
  gateway: 'gw-1',
  firstSeenMs: T0,
  ...changes,
})
const idsOf = (sensors: readonly Sensor[]): readonly string[] => sensors.map(({ id }) => id)

for (const { name, skip, open } of metadataImplementations) {
  t.test(`${name}: sensors in the metadata`, { skip: skip ?? false }, async (t) => {
    async function fresh(t: Test): Promise<Metadata> {
      const { metadata, close } = await open(t.testdir())
      t.teardown(close)
      return metadata
    }

    t.test('adds sensors once', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordSensors([sensor('press-1'), sensor('oven-1')])
      await metadata.recordSensors([sensor('press-1')])
      await metadata.recordSensors([])
      t.strictSame(await metadata.sensors(acme, { limit: 10 }), [sensor('oven-1'), sensor('press-1')])
    })

    t.test('notes the gateway that spoke last, and keeps the time it was first seen', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordSensors([sensor('press-1')])
      await metadata.recordSensors([sensor('press-1', { gateway: 'gw-2', firstSeenMs: T0 + 9 })])
      t.strictSame(await metadata.sensor(acme, 'press-1'), sensor('press-1', { gateway: 'gw-2' }))
    })

    t.test('takes the earliest time when a replay brings it late', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordSensors([sensor('press-1')])
      await metadata.recordSensors([sensor('press-1', { firstSeenMs: T0 - 9 })])
      t.equal((await metadata.sensor(acme, 'press-1'))?.firstSeenMs, T0 - 9)
    })

    t.test('takes a sensor that stands in a batch twice: the last gateway, the earliest time', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordSensors([sensor('press-1', { firstSeenMs: T0 - 1 }), sensor('press-1', { gateway: 'gw-2' })])
      t.strictSame(await metadata.sensor(acme, 'press-1'), sensor('press-1', { gateway: 'gw-2', firstSeenMs: T0 - 1 }))
    })

    t.test('takes a batch of thousands, whole', async (t) => {
      const metadata = await fresh(t)
      const ids = Array.from({ length: 5_003 }, (_, index) => `s-${String(index).padStart(5, '0')}`)
      await metadata.recordSensors(ids.toReversed().map((id) => sensor(id)))
      t.same(idsOf(await metadata.sensors(acme, { limit: 10_000 })), ids)
    })

    t.test('pages by id without gaps or repetitions', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordSensors(['a', 'B', 'b', 'C', '1', 'a-1', 'a.1', 'a_1'].map((id) => sensor(id)))
      const all = idsOf(await metadata.sensors(acme, { limit: 100 }))
      const paged: string[] = []
      for (let page = await metadata.sensors(acme, { limit: 3 }); page.length > 0; ) {
        paged.push(...idsOf(page))
        page = await metadata.sensors(acme, { limit: 3, after: paged.at(-1) ?? '' })
      }
      t.equal(all.length, 8)
      t.same(paged, all)
    })

    t.test('lists the sensors of one gateway', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordSensors([sensor('a'), sensor('b', { gateway: 'gw-2' }), sensor('c')])
      t.same(idsOf(await metadata.sensors(acme, { limit: 10, gateway: 'gw-1' })), ['a', 'c'])
      t.same(idsOf(await metadata.sensors(acme, { limit: 10, gateway: 'gw-1', after: 'a' })), ['c'])
      t.same(await metadata.sensors(acme, { limit: 10, gateway: 'gw-9' }), [])
    })

    t.test('keeps the sensors of tenants apart, also those with the same id', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordSensors([sensor('press-1'), sensor('press-1', { tenant: 'bolt', gateway: 'gw-9' }), sensor('oven-1')])
      t.same(idsOf(await metadata.sensors(bolt, { limit: 10 })), ['press-1'])
      t.equal((await metadata.sensor(bolt, 'press-1'))?.gateway, 'gw-9')
      t.equal((await metadata.sensor(acme, 'press-1'))?.gateway, 'gw-1')
      t.equal(await metadata.sensor(bolt, 'oven-1'), undefined)
    })
  })
}
