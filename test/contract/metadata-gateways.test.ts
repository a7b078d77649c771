// Goal: the metadata store says at any time which certificate may come in, and what became of each gateway.
// Method: the same suite against each implementation, over a real file or server.
import t, { type Test } from 'tap'
import type { Metadata } from '../../platform/ports/metadata.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { certificate, metadataImplementations, T0, tenant } from './metadata/implementations.ts'

const acme = proveTenant('acme')
const bolt = proveTenant('bolt')
const enrolment = (id: string, from = 'acme') => ({
  tenant: from,
  id,
  enrolledMs: T0,
  certificate: certificate(`${from} ${id}`),
})

for (const { name, skip, open } of metadataImplementations) {
  t.test(`${name}: gateways in the metadata`, { skip: skip ?? false }, async (t) => {
    async function fresh(t: Test): Promise<Metadata> {
      const { metadata, close } = await open(t.testdir())
      t.teardown(close)
      await metadata.addTenant(tenant('acme'))
      await metadata.addTenant(tenant('bolt'))
      await metadata.enrolGateway(enrolment('gw-1'))
      return metadata
    }
    const fingerprint = enrolment('gw-1').certificate.fingerprint

    t.test('returns a gateway as it was enrolled', async (t) => {
      const metadata = await fresh(t)
      const expected = { tenant: 'acme', id: 'gw-1', enrolledMs: T0, certificates: [enrolment('gw-1').certificate] }
      t.strictSame(await metadata.gateway(acme, 'gw-1'), expected)
      t.strictSame(await metadata.gateways(acme, { limit: 10 }), [expected])
      t.equal(await metadata.gateway(acme, 'gw-2'), undefined)
    })

    t.test('tells whose certificate it is, revoked and expired ones included', async (t) => {
      const metadata = await fresh(t)
      const owner = { tenant: 'acme', gateway: 'gw-1', certificate: enrolment('gw-1').certificate }
      t.strictSame(await metadata.certificateOwner(fingerprint), owner)
      await metadata.revokeGateway({ tenant: 'acme', id: 'gw-1', revokedMs: T0 + 5 })
      t.equal((await metadata.certificateOwner(fingerprint))?.certificate.revokedMs, T0 + 5)
      t.equal(await metadata.certificateOwner('00'), undefined)
    })

    t.test(
      'refuses an unknown tenant, an id that is taken and a certificate that is taken; nothing is left behind',
      async (t) => {
        const metadata = await fresh(t)
        await t.rejects(metadata.enrolGateway(enrolment('gw-1', 'nobody')), { code: 'tenant.unknown' })
        const again = { ...enrolment('gw-1'), certificate: certificate('other') }
        await t.rejects(metadata.enrolGateway(again), { code: 'gateway.exists' })
        t.equal(await metadata.certificateOwner(certificate('other').fingerprint), undefined)
        const stolen = { ...enrolment('gw-2'), certificate: enrolment('gw-1').certificate }
        await t.rejects(metadata.enrolGateway(stolen), { code: 'data.invalid' })
        t.equal(await metadata.gateway(acme, 'gw-2'), undefined)
      },
    )

    t.test('adds a certificate on rotation and ends the older ones, ahead if asked; newest first', async (t) => {
      const metadata = await fresh(t)
      const key = { tenant: 'acme', id: 'gw-1' }
      await metadata.rotateGateway({ ...key, certificate: certificate('b'), revokeOthersMs: T0 + 100 })
      await metadata.rotateGateway({ ...key, certificate: certificate('c'), revokeOthersMs: T0 + 200 })
      t.strictSame((await metadata.gateway(acme, 'gw-1'))?.certificates, [
        certificate('c'),
        certificate('b', { revokedMs: T0 + 200 }),
        { ...enrolment('gw-1').certificate, revokedMs: T0 + 100 },
      ])
    })

    t.test('refuses to rotate or revoke what it does not know, and to rotate what is revoked', async (t) => {
      const metadata = await fresh(t)
      const rotation = { tenant: 'acme', id: 'gw-9', certificate: certificate('b'), revokeOthersMs: T0 }
      await t.rejects(metadata.rotateGateway(rotation), { code: 'gateway.unknown' })
      await t.rejects(metadata.revokeGateway({ tenant: 'bolt', id: 'gw-1', revokedMs: T0 }), { code: 'gateway.unknown' })
      await metadata.revokeGateway({ tenant: 'acme', id: 'gw-1', revokedMs: T0 })
      await t.rejects(metadata.rotateGateway({ ...rotation, id: 'gw-1' }), { code: 'gateway.revoked' })
    })

    t.test('ends every certificate with its gateway, the one of an overlap too', async (t) => {
      const metadata = await fresh(t)
      const key = { tenant: 'acme', id: 'gw-1' }
      await metadata.rotateGateway({ ...key, certificate: certificate('b'), revokeOthersMs: T0 + 1_000 })
      await metadata.revokeGateway({ ...key, revokedMs: T0 + 5 })
      await metadata.revokeGateway({ ...key, revokedMs: T0 + 9 })
      const gateway = await metadata.gateway(acme, 'gw-1')
      t.equal(gateway?.revokedMs, T0 + 5)
      t.same(
        gateway?.certificates.map(({ revokedMs }) => revokedMs),
        [T0 + 5, T0 + 5],
      )
    })

    t.test('enrols a revoked gateway anew; its old certificates stay revoked', async (t) => {
      const metadata = await fresh(t)
      await metadata.revokeGateway({ tenant: 'acme', id: 'gw-1', revokedMs: T0 + 5 })
      await t.rejects(metadata.enrolGateway(enrolment('gw-1')), { code: 'data.invalid' })
      await metadata.enrolGateway({ tenant: 'acme', id: 'gw-1', enrolledMs: T0 + 9, certificate: certificate('b') })
      t.strictSame(await metadata.gateway(acme, 'gw-1'), {
        tenant: 'acme',
        id: 'gw-1',
        enrolledMs: T0 + 9,
        certificates: [certificate('b'), { ...enrolment('gw-1').certificate, revokedMs: T0 + 5 }],
      })
    })

    t.test('lists revocations that took effect in a half-open range', async (t) => {
      const metadata = await fresh(t)
      await metadata.enrolGateway(enrolment('gw-1', 'bolt'))
      await metadata.revokeGateway({ tenant: 'acme', id: 'gw-1', revokedMs: T0 + 10 })
      await metadata.revokeGateway({ tenant: 'bolt', id: 'gw-1', revokedMs: T0 + 20 })
      const ofBolt = enrolment('gw-1', 'bolt').certificate.fingerprint
      t.same(await metadata.revokedCertificates(T0, T0 + 10), [])
      t.same(await metadata.revokedCertificates(T0 + 10, T0 + 20), [fingerprint])
      t.same(await metadata.revokedCertificates(T0 + 10, T0 + 21), [fingerprint, ofBolt])
      t.same(await metadata.revokedCertificates(T0 + 21, T0 + 1_000), [])
    })

    t.test('pages by id, each gateway with its own certificates', async (t) => {
      const metadata = await fresh(t)
      for (const id of ['gw-3', 'Gw-2', 'gw-10', '1']) await metadata.enrolGateway(enrolment(id))
      const all = await metadata.gateways(acme, { limit: 100 })
      const first = await metadata.gateways(acme, { limit: 2 })
      const rest = await metadata.gateways(acme, { limit: 100, after: first.at(-1)?.id ?? '' })
      t.equal(all.length, 5)
      t.strictSame([...first, ...rest], all)
      for (const { id, certificates } of all) t.strictSame(certificates, [enrolment(id).certificate])
    })

    t.test('keeps the gateways of tenants apart, also those with the same id', async (t) => {
      const metadata = await fresh(t)
      t.same(await metadata.gateways(bolt, { limit: 10 }), [])
      t.equal(await metadata.gateway(bolt, 'gw-1'), undefined)
      await metadata.enrolGateway(enrolment('gw-1', 'bolt'))
      await metadata.recordPresence([{ tenant: 'acme', gateway: 'gw-1', listener: 'one', isConnected: true, sinceMs: T0 }])
      await metadata.revokeGateway({ tenant: 'acme', id: 'gw-1', revokedMs: T0 })
      const expected = { tenant: 'bolt', id: 'gw-1', enrolledMs: T0, certificates: [enrolment('gw-1', 'bolt').certificate] }
      t.strictSame(await metadata.gateways(bolt, { limit: 10 }), [expected])
    })

    t.test('lets one of 50 equal enrolments through, and numbers 50 rotations at once', async (t) => {
      const metadata = await fresh(t)
      const names = Array.from({ length: 50 }, (_, index) => `n-${index}`)
      const enrolments = names.map((name) => metadata.enrolGateway({ ...enrolment('gw-2'), certificate: certificate(name) }))
      const results = await Promise.allSettled(enrolments)
      t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
      const rotations = names.map((name) =>
        metadata.rotateGateway({ tenant: 'acme', id: 'gw-1', certificate: certificate(`r ${name}`), revokeOthersMs: T0 }),
      )
      await Promise.all(rotations)
      const certificates = (await metadata.gateway(acme, 'gw-1'))?.certificates ?? []
      t.equal(certificates.length, 51)
      t.same(
        certificates.filter(({ revokedMs }) => revokedMs === undefined).map((one) => one.fingerprint),
        [certificates[0]?.fingerprint],
      )
    })
  })
}
