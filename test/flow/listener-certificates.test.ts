import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { openAuthority } from '../../platform/adapters/x509/authority.ts'
import type { IssuedKeyPair } from '../../platform/ports/certificate-authority.ts'
import { openPlain, openSecure } from './listener/byte-client.ts'
import { forge } from './listener/forged-certificates.ts'
import { connack, connect, PINGREQ, PINGRESP } from './listener/mqtt-bytes.ts'
import { openSecureListener, type SecureListener } from './listener/secure-listener.ts'
import { until } from './listener/until.ts'

// Goal: nobody comes in but an enrolled gateway with its own, valid certificate, and whoever is refused can find out why: the gateway from
// the CONNACK or the TLS alert, the operator from the log and the metric.
// Method: real handshakes against the listener as the product starts it, with certificates forged for each way of being wrong.
const gateway = { tenant: 'acme', gateway: 'gw-1' }

interface Refusal {
  readonly name: string
  /** Where it is counted. */
  readonly reason: string
  certificate(listener: SecureListener, t: Test): Promise<IssuedKeyPair | undefined>
}

const refusals: readonly Refusal[] = [
  { name: 'no certificate', reason: 'certificate-missing', certificate: async () => undefined },
  { name: 'a self-signed certificate', reason: 'certificate-untrusted', certificate: () => forge('itself', gateway) },
  {
    name: "another authority's certificate",
    reason: 'certificate-untrusted',
    certificate: async (_, t) =>
      (await openAuthority({ folder: t.testdir({ foreign: {} }) })).issueGateway({ ...gateway, validDays: 1 }),
  },
  {
    name: 'a certificate that another gateway has signed',
    reason: 'certificate-untrusted',
    async certificate(listener) {
      const signer = await listener.enrol('acme', 'gw-2')
      const forged = await forge(signer.pair, gateway)
      return { ...forged, certificatePem: `${forged.certificatePem}\n${signer.pair.certificatePem}` }
    },
  },
  {
    name: 'an expired certificate',
    reason: 'certificate-expired',
    certificate: ({ root }) => forge(root, { ...gateway, notAfterMs: Date.now() - 2_000 }),
  },
  {
    name: 'a certificate that is not valid yet',
    reason: 'certificate-not-yet-valid',
    certificate: ({ root }) => forge(root, { ...gateway, notBeforeMs: Date.now() + 3_600_000 }),
  },
  {
    name: 'a server certificate of ours',
    reason: 'certificate-wrong-use',
    certificate: ({ authority }) => authority.issueServer({ names: ['gw-1'], validDays: 1 }),
  },
  {
    name: 'a certificate of ours for signing mail',
    reason: 'certificate-wrong-use',
    certificate: ({ root }) => forge(root, { ...gateway, use: 'emailProtection' }),
  },
  {
    name: 'a certificate of ours that is not in the registry',
    reason: 'certificate-unknown',
    certificate: ({ root }) => forge(root, gateway),
  },
  {
    name: 'a revoked gateway',
    reason: 'certificate-revoked',
    async certificate(listener) {
      const { pair } = await listener.enrol('acme', 'gw-3')
      await listener.metadata.revokeGateway({ tenant: 'acme', id: 'gw-3', revokedMs: Date.now() })
      return pair
    },
  },
  {
    name: 'a certificate that was replaced without an overlap',
    reason: 'certificate-revoked',
    async certificate(listener) {
      const { pair } = await listener.enrol('acme', 'gw-4')
      await rotate(listener, 'gw-4', Date.now())
      return pair
    },
  },
]

for (const { name, reason, certificate } of refusals) {
  t.test(`${name} is refused with CONNACK 5, counted and logged`, async (t) => {
    const listener = await openSecureListener(t)
    await listener.enrol('acme', 'gw-1')
    const pair = await certificate(listener, t)

    const client = await openSecure({ port: listener.port, rootPem: listener.authority.rootPem, ...pair })
    t.teardown(() => client.destroy())
    client.send(connect({ id: '' }))
    t.same(await client.takePacket(), connack(5))
    await client.closed()

    t.equal(client.waiting.length, 0, 'nothing else is said')
    t.equal(await listener.refusals(reason), 1)
    t.match(listener.lines, [{ reason, level: 40 }])
    t.equal(await listener.metric('ingest_connections'), 0)
  })
}

t.test('who is refused during the handshake is gone within two seconds, even if he says nothing', async (t) => {
  const listener = await openSecureListener(t)
  const client = await openSecure({ port: listener.port, rootPem: listener.authority.rootPem })
  const startMs = performance.now()
  await client.closed()
  t.ok(performance.now() - startMs < 2_000, `${Math.round(performance.now() - startMs)} ms`)
})

t.test('a client that speaks no more than TLS 1.2 gets the alert that says so', async (t) => {
  const listener = await openSecureListener(t)
  const { pair } = await listener.enrol('acme', 'gw-1')
  const client = await openSecure({ port: listener.port, rootPem: listener.authority.rootPem, ...pair, maxVersion: 'TLSv1.2' })
  await client.closed()
  t.equal(client.error?.code, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
  await until(async () => (await listener.refusals('tls-version')) === 1, 'the refusal is counted')
})

t.test('what is not TLS at all is closed', async (t) => {
  const listener = await openSecureListener(t)
  const client = await openPlain({ host: '127.0.0.1', port: listener.port })
  client.send(connect({ id: 'gw-1' }))
  await client.closed()
  await until(async () => (await listener.refusals('tls-handshake')) === 1, 'the refusal is counted')
})

t.test('a rotated gateway may use both certificates until the overlap ends', async (t) => {
  let nowMs = Date.now()
  const listener = await openSecureListener(t, { clock: () => nowMs })
  const old = await listener.enrol('acme', 'gw-1')
  const overlapEndMs = nowMs + 3_600_000
  const pair = await rotate(listener, 'gw-1', overlapEndMs)

  const before = await listener.enter(old)
  t.same(await before.takePacket(), connack(0), 'the old one')
  const after = await listener.enter({ ...old, pair })
  t.same(await after.takePacket(), connack(0), 'the new one')
  await before.closed()

  nowMs = overlapEndMs
  const late = await listener.enter(old)
  t.same(await late.takePacket(), connack(5), 'the old one, once the overlap is over')
  t.equal(await listener.refusals('certificate-revoked'), 1)
  after.send(PINGREQ)
  t.same(await after.takePacket(), PINGRESP, 'the new one goes on')
})

t.test('a gateway that was revoked and enrolled anew comes in with its new certificate only', async (t) => {
  const listener = await openSecureListener(t)
  const old = await listener.enrol('acme', 'gw-1')
  await listener.metadata.revokeGateway({ tenant: 'acme', id: 'gw-1', revokedMs: Date.now() })
  const renewed = await listener.enrol('acme', 'gw-1')
  t.same(await (await listener.enter(old)).takePacket(), connack(5))
  t.same(await (await listener.enter(renewed)).takePacket(), connack(0))
})

t.test('a TLS session that is taken up again does not outlive the certificate', async (t) => {
  const listener = await openSecureListener(t)
  const { pair } = await listener.enrol('acme', 'gw-1')
  const session = await ticketOf(listener, pair)

  const again = await openSecure({ port: listener.port, rootPem: listener.authority.rootPem, ...pair, session })
  t.ok(again.socket.isSessionReused(), 'the session is taken up again')
  again.send(connect({ id: 'gw-1' }))
  t.same(await again.takePacket(), connack(0), 'and the listener knows whose it is')

  await listener.metadata.revokeGateway({ tenant: 'acme', id: 'gw-1', revokedMs: Date.now() })
  const revoked = await openSecure({ port: listener.port, rootPem: listener.authority.rootPem, ...pair, session })
  revoked.send(connect({ id: 'gw-1' }))
  t.same(await revoked.takePacket(), connack(5))
})

t.test('a TLS session of somebody who was refused is of no use to him', async (t) => {
  const listener = await openSecureListener(t)
  const pair = await forge('itself', gateway)
  const session = await ticketOf(listener, pair)
  const again = await openSecure({ port: listener.port, rootPem: listener.authority.rootPem, ...pair, session })
  again.send(connect({ id: 'gw-1' }))
  t.same(await again.takePacket(), connack(5))
})

t.test('while the registry is away, gateways are told to try again later', async (t) => {
  const listener = await openSecureListener(t)
  const enrolled = await listener.enrol('acme', 'gw-1')
  const open = await listener.enter(enrolled)
  t.same(await open.takePacket(), connack(0))

  await listener.takeRegistryAway()
  const refused = await listener.enter(enrolled)
  t.same(await refused.takePacket(), connack(3))
  t.equal(await listener.refusals('policy-unavailable'), 1)
  open.send(PINGREQ)
  t.same(await open.takePacket(), PINGRESP, 'who is in stays in')
})

async function rotate({ authority, metadata }: SecureListener, id: string, revokeOthersMs: number): Promise<IssuedKeyPair> {
  const certificate = await authority.issueGateway({ tenant: 'acme', gateway: id, validDays: 1 })
  await metadata.rotateGateway({ tenant: 'acme', id, certificate, revokeOthersMs })
  return certificate
}

/** TLS 1.3 hands out its tickets behind the handshake, whatever comes of the connection. */
async function ticketOf({ port, authority }: SecureListener, pair: IssuedKeyPair): Promise<Buffer> {
  let socket: TLSSocket | undefined
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      socket = connectTls({ host: '127.0.0.1', port, ca: authority.rootPem, cert: pair.certificatePem, key: pair.privateKeyPem })
      socket.once('session', resolve)
      socket.once('error', reject)
    })
  } finally {
    socket?.destroy()
  }
}
