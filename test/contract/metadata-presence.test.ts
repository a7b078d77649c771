// Goal: what the metadata store says about a gateway's presence is the last thing a listener said.
// Method: the same suite against each implementation, over a real file or server.
import t, { type Test } from 'tap'
import type { Metadata, Presence } from '../../platform/ports/metadata.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { certificate, metadataImplementations, T0, tenant } from './metadata/implementations.ts'

const acme = proveTenant('acme')
const change = (gateway: string, presence: Presence, listener = 'one') => ({ tenant: 'acme', gateway, listener, ...presence })
const up: Presence = { isConnected: true, sinceMs: T0 }

for (const { name, skip, open } of metadataImplementations) {
  t.test(`${name}: presence in the metadata`, { skip: skip ?? false }, async (t) => {
    async function fresh(t: Test): Promise<Metadata> {
      const { metadata, close } = await open(t.testdir())
      t.teardown(close)
      await metadata.addTenant(tenant('acme'))
      for (const id of ['gw-1', 'gw-2']) {
        await metadata.enrolGateway({ tenant: 'acme', id, enrolledMs: T0, certificate: certificate(id) })
      }
      return metadata
    }
    const presenceOf = async (metadata: Metadata, id: string) => (await metadata.gateway(acme, id))?.presence

    t.test('has nothing to say about a gateway that never came', async (t) => {
      t.equal(await presenceOf(await fresh(t), 'gw-1'), undefined)
    })

    t.test('keeps the last change, over batches and within one', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordPresence([change('gw-1', up), change('gw-2', up)])
      const gone = { isConnected: false, sinceMs: T0 + 9, lastMessageMs: T0 + 5 }
      await metadata.recordPresence([change('gw-1', { ...up, sinceMs: T0 + 7 }), change('gw-1', gone)])
      t.strictSame(await presenceOf(metadata, 'gw-1'), gone)
      t.strictSame(await presenceOf(metadata, 'gw-2'), up)
      t.strictSame((await metadata.gateways(acme, { limit: 10 }))[0]?.presence, gone)
    })

    t.test('keeps the time of the last message when a later change has none', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordPresence([change('gw-1', { ...up, lastMessageMs: T0 + 5 })])
      await metadata.recordPresence([change('gw-1', { isConnected: false, sinceMs: T0 + 9 })])
      const gone = { isConnected: false, sinceMs: T0 + 9, lastMessageMs: T0 + 5 }
      t.strictSame(await presenceOf(metadata, 'gw-1'), gone)
      await metadata.recordPresence([change('gw-2', { ...up, lastMessageMs: T0 + 5 }), change('gw-2', gone), change('gw-2', up)])
      t.strictSame(await presenceOf(metadata, 'gw-2'), { ...up, lastMessageMs: T0 + 5 })
    })

    t.test('takes a change for a gateway it does not know, and the rest of the batch with it', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordPresence([change('gw-9', up), { ...change('gw-1', up), tenant: 'nobody' }, change('gw-1', up)])
      t.strictSame(await presenceOf(metadata, 'gw-1'), up)
    })

    t.test('takes thousands at once', async (t) => {
      const metadata = await fresh(t)
      const many = Array.from({ length: 3_001 }, (_, index) => change(`x-${index}`, up))
      await metadata.recordPresence([...many, change('gw-1', up)])
      t.strictSame(await presenceOf(metadata, 'gw-1'), up)
    })

    t.test('marks the connected ones as gone, and leaves those that were gone before', async (t) => {
      const metadata = await fresh(t)
      const gone = { isConnected: false, sinceMs: T0 + 1 }
      await metadata.recordPresence([change('gw-1', { ...up, lastMessageMs: T0 + 5 }), change('gw-2', gone)])
      await metadata.clearPresence('one', T0 + 50)
      t.strictSame(await presenceOf(metadata, 'gw-1'), { isConnected: false, sinceMs: T0 + 50, lastMessageMs: T0 + 5 })
      t.strictSame(await presenceOf(metadata, 'gw-2'), gone)
    })

    t.test('a listener that starts leaves the gateways of others as they are', async (t) => {
      const metadata = await fresh(t)
      await metadata.recordPresence([change('gw-1', up, 'one'), change('gw-2', up, 'two')])
      await metadata.clearPresence('one', T0 + 50)
      t.strictSame(await presenceOf(metadata, 'gw-1'), { isConnected: false, sinceMs: T0 + 50 })
      t.strictSame(await presenceOf(metadata, 'gw-2'), up)
    })

    t.test('that one listener lost a gateway says nothing when another has it by now', async (t) => {
      const metadata = await fresh(t)
      const [gone, later] = [
        { isConnected: false, sinceMs: T0 + 9 },
        { ...up, sinceMs: T0 + 5 },
      ]
      await metadata.recordPresence([change('gw-1', up, 'one')])
      await metadata.recordPresence([change('gw-1', later, 'two')])
      await metadata.recordPresence([change('gw-1', gone, 'one')])
      t.strictSame(await presenceOf(metadata, 'gw-1'), later)
      await metadata.recordPresence([change('gw-1', gone, 'two')])
      t.strictSame(await presenceOf(metadata, 'gw-1'), gone)
    })

    t.test('the gateways of a listener that is silent for too long are gone', async (t) => {
      const metadata = await fresh(t)
      await metadata.keepAlive('one', T0, 0)
      await metadata.keepAlive('two', T0 + 30, 0)
      await metadata.recordPresence([change('gw-1', up, 'one'), change('gw-2', up, 'two')])
      await metadata.keepAlive('two', T0 + 60, T0 + 20)
      t.strictSame(await presenceOf(metadata, 'gw-1'), { isConnected: false, sinceMs: T0 + 60 })
      t.strictSame(await presenceOf(metadata, 'gw-2'), up)
    })
  })
}
