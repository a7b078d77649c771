// Goal: every metadata store keeps the promises of its port, so that the parts need not know which one they have.
// Method: the same suite against each implementation, over a real file or server. Gateways have a file of their own.
import t, { type Test } from 'tap'
import type { Metadata, Token } from '../../platform/ports/metadata.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { certificate, metadataImplementations, T0, tenant } from './metadata/implementations.ts'

const acme = proveTenant('acme')
const bolt = proveTenant('bolt')
const token = (id: string, changes: Partial<Token> = {}): Token => ({
  id,
  tenant: 'acme',
  scopes: ['read'],
  label: 'a program',
  createdMs: T0,
  expiresMs: T0 + 1_000,
  ...changes,
})

for (const { name, skip, open, migrate, runSlowStatement } of metadataImplementations) {
  t.test(`${name}: metadata`, { skip: skip ?? false }, async (t) => {
    async function fresh(t: Test): Promise<Metadata> {
      const { metadata, close } = await open(t.testdir())
      t.teardown(close)
      await metadata.addTenant(tenant('acme'))
      await metadata.addTenant(tenant('bolt'))
      return metadata
    }

    t.test('answers a ping', async (t) => {
      const metadata = await fresh(t)
      await t.resolves(metadata.ping())
    })

    t.test('returns tenants as they were added, in the order of their ids', async (t) => {
      const metadata = await fresh(t)
      const odd = { id: 'a-1', name: `O'Neill; "drop" \\ Größe 水 🏭`, createdMs: Number.MAX_SAFE_INTEGER }
      await metadata.addTenant(odd)
      t.same(await metadata.tenants(), [odd, tenant('acme'), tenant('bolt')])
      t.same(await metadata.tenant('a-1'), odd)
      t.equal(await metadata.tenant('nobody'), undefined)
    })

    t.test('refuses a tenant id that is taken, and keeps the first tenant', async (t) => {
      const metadata = await fresh(t)
      await t.rejects(metadata.addTenant({ ...tenant('acme'), name: 'Another' }), { code: 'tenant.exists', remedy: 'reject' })
      t.equal((await metadata.tenant('acme'))?.name, 'acme BV')
    })

    t.test('finds a token by the hash of its secret, and never returns the hash', async (t) => {
      const metadata = await fresh(t)
      const added = token('t-1', { scopes: ['read', 'diagnose'] })
      await metadata.addToken(added, 'hash-1')
      t.strictSame(await metadata.tokenByHash('hash-1'), added)
      t.equal(await metadata.tokenByHash('hash-2'), undefined)
      t.notMatch(JSON.stringify(await metadata.tokens(acme)), 'hash-1')
    })

    t.test('finds revoked and expired tokens too', async (t) => {
      const metadata = await fresh(t)
      await metadata.addToken(token('t-1', { expiresMs: 1 }), 'hash-1')
      await metadata.revokeToken('t-1', T0 + 5)
      t.strictSame(await metadata.tokenByHash('hash-1'), token('t-1', { expiresMs: 1, revokedMs: T0 + 5 }))
    })

    t.test('keeps the first time when a token is revoked twice', async (t) => {
      const metadata = await fresh(t)
      await metadata.addToken(token('t-1'), 'hash-1')
      await metadata.revokeToken('t-1', T0 + 5)
      await metadata.revokeToken('t-1', T0 + 9)
      t.equal((await metadata.tokenByHash('hash-1'))?.revokedMs, T0 + 5)
    })

    t.test('refuses tokens of unknown tenants, unknown tokens, and a secret that is taken', async (t) => {
      const metadata = await fresh(t)
      await metadata.addToken(token('t-1'), 'hash-1')
      await t.rejects(metadata.addToken(token('t-2', { tenant: 'nobody' }), 'hash-2'), { code: 'tenant.unknown' })
      await t.rejects(metadata.revokeToken('t-9', T0), { code: 'token.unknown' })
      await t.rejects(metadata.addToken(token('t-3'), 'hash-1'), { code: 'data.invalid' })
      t.same(
        (await metadata.tokens(acme)).map(({ id }) => id),
        ['t-1'],
      )
    })

    t.test('shows a tenant its own tokens only', async (t) => {
      const metadata = await fresh(t)
      await metadata.addToken(token('t-1'), 'hash-1')
      await metadata.addToken(token('t-2', { tenant: 'bolt' }), 'hash-2')
      t.same(
        (await metadata.tokens(acme)).map(({ id }) => id),
        ['t-1'],
      )
      t.same(
        (await metadata.tokens(bolt)).map(({ id }) => id),
        ['t-2'],
      )
    })

    t.test('refuses a scope that nobody proved, in every reader', async (t) => {
      const metadata = await fresh(t)
      const forged = { ...acme }
      await t.rejects(metadata.tokens(forged), { name: 'TypeError' })
      await t.rejects(metadata.sensors(forged, { limit: 1 }), { name: 'TypeError' })
      await t.rejects(metadata.sensor(forged, 'press-1'), { name: 'TypeError' })
      await t.rejects(metadata.gateways(forged, { limit: 1 }), { name: 'TypeError' })
      await t.rejects(metadata.gateway(forged, 'gw-1'), { name: 'TypeError' })
    })

    t.test('refuses a page without a limit instead of cutting it off', async (t) => {
      const metadata = await fresh(t)
      for (const limit of [0, -1, 1.5, 10_001, Number.NaN, Number.POSITIVE_INFINITY]) {
        await t.rejects(metadata.sensors(acme, { limit }), { code: 'query.invalid' })
        await t.rejects(metadata.gateways(acme, { limit }), { code: 'query.invalid' })
      }
    })

    t.test('keeps everything over a close and an open', async (t) => {
      const place = t.testdir()
      const first = await open(place)
      await first.metadata.addTenant(tenant('acme'))
      await first.metadata.addToken(token('t-1'), 'hash-1')
      await first.metadata.recordSensors([{ tenant: 'acme', id: 'press-1', gateway: 'gw-1', firstSeenMs: T0 }])
      await first.metadata.enrolGateway({ tenant: 'acme', id: 'gw-1', enrolledMs: T0, certificate: certificate('a') })
      const gateway = await first.metadata.gateway(acme, 'gw-1')
      await first.close()

      const { metadata, close } = await open(place)
      t.teardown(close)
      t.same(await metadata.tenants(), [tenant('acme')])
      t.same(await metadata.tokenByHash('hash-1'), token('t-1'))
      t.ok(await metadata.sensor(acme, 'press-1'))
      t.strictSame(await metadata.gateway(acme, 'gw-1'), gateway)
    })

    t.test('fails with metadata.unavailable once it is closed', async (t) => {
      const { metadata, close } = await open(t.testdir())
      await close()
      await close()
      await t.rejects(metadata.ping(), { code: 'metadata.unavailable', remedy: 'retry' })
      await t.rejects(metadata.addTenant(tenant('acme')), { code: 'metadata.unavailable' })
      await t.rejects(metadata.recordSensors([{ tenant: 'acme', id: 's', gateway: 'g', firstSeenMs: 1 }]), {
        code: 'metadata.unavailable',
      })
    })

    t.test('migrates up, down and up again', async (t) => {
      const place = t.testdir()
      await migrate(place, 'latest')
      await migrate(place, 'latest')
      await migrate(place, 'empty')
      await migrate(place, 'empty')
      await migrate(place, 'latest')
      const { metadata, close } = await open(place)
      t.teardown(close)
      t.same(await metadata.tenants(), [])
      await metadata.addTenant(tenant('acme'))
    })

    t.test('takes 50 writes at once, and lets one of 50 equal ones through', async (t) => {
      const metadata = await fresh(t)
      const ids = Array.from({ length: 50 }, (_, index) => `t-${String(index).padStart(2, '0')}`)
      await Promise.all(ids.map((id) => metadata.addToken(token(id), `hash-${id}`)))
      t.same(
        (await metadata.tokens(acme)).map(({ id }) => id),
        ids,
      )

      const results = await Promise.allSettled(ids.map(() => metadata.addTenant(tenant('same'))))
      t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    })

    t.test('does not hold up the calling thread with a slow statement', async (t) => {
      let isDone = false
      const slow = runSlowStatement(t.testdir()).then(() => {
        isDone = true
      })
      let turns = 0
      while (!isDone) {
        await new Promise((resolve) => setImmediate(resolve))
        turns += 1
      }
      await slow
      t.ok(turns > 100, `The event loop turned ${turns} times meanwhile.`)
    })
  })
}
