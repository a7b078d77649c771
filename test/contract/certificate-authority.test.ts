// Goal: the certificates of every CertificateAuthority open the doors they are for, and no others.
// Method: real handshakes of node:tls, and OpenSSL's own verdict where it is installed.
import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openAuthority } from '../../platform/adapters/x509/authority.ts'
import type { CertificateAuthority } from '../../platform/ports/certificate-authority.ts'
import { needs } from '../programs.ts'
import { shakeHands, side } from './certificate-authority/handshake.ts'
import { derOf, KEY_KINDS, type KeyKind, makeRequest, pem, signAsGateway } from './certificate-authority/requests.ts'

const DAY_MS = 86_400_000
const identity = { tenant: 'acme', gateway: 'gw-1', validDays: 365 }
const localhost = { names: ['localhost', '127.0.0.1'], validDays: 30 }

const implementations = [
  { name: '@peculiar/x509', open: (folder: string, clock?: () => number) => openAuthority({ folder, ...(clock && { clock }) }) },
]

for (const { name, open } of implementations) {
  t.test(`${name}: certificate authority`, async (t) => {
    const folder = t.testdir()
    const authority = await open(join(folder, 'ours'))
    const other = await open(join(folder, 'other'))
    const { rootPem } = authority
    const server = side(await authority.issueServer(localhost), rootPem)
    const gateway = side(await authority.issueGateway(identity), rootPem)

    t.test('a gateway and a listener meet over TLS 1.3, and the subject says who it is', async (t) => {
      for (const host of localhost.names) {
        const met = await shakeHands({ server, client: gateway }, host)
        t.match(met, { protocol: 'TLSv1.3', clientError: undefined, serverError: undefined })
        t.match(met.client.subject, { CN: 'gw-1', O: 'acme' })
        t.equal(met.clientPem, gateway.certificatePem)
      }
    })

    t.test('a certificate of another authority is refused, by both sides', async (t) => {
      const stranger = side(await other.issueGateway(identity), rootPem)
      t.ok((await shakeHands({ server, client: stranger })).clientError)
      const fake = side(await other.issueServer(localhost), rootPem)
      t.ok((await shakeHands({ server: fake, client: gateway })).serverError)
    })

    t.test('a certificate is good for one use: no server as a client, no gateway as a server', async (t) => {
      t.equal((await shakeHands({ server, client: server })).clientError, 'INVALID_PURPOSE')
      t.equal((await shakeHands({ server: gateway, client: gateway })).serverError, 'INVALID_PURPOSE')
    })

    t.test('a certificate that a gateway has signed is refused, its own sent along as the chain', async (t) => {
      const thief = side(await signAsGateway(await authority.issueGateway(identity)), rootPem)
      t.ok((await shakeHands({ server, client: thief })).clientError)
    })

    t.test('a server is refused under a name it was not made for', async (t) => {
      t.equal((await shakeHands({ server, client: gateway }, 'example.com')).serverError, 'ERR_TLS_CERT_ALTNAME_INVALID')
    })

    t.test('the root may sign leaves and nothing else', async (t) => {
      const root = new X509Certificate(rootPem)
      t.ok(root.ca)
      t.match(root.subject, /^CN=Millrace CA [0-9a-f]{8}$/)
      t.ok(root.verify(root.publicKey))
      t.equal(root.validToDate.getTime(), authority.notAfterMs)
      t.not(root.subject, new X509Certificate(other.rootPem).subject)
    })

    t.test('what is returned about a certificate is what stands in it', async (t) => {
      const issued = await authority.issueGateway(identity)
      const read = new X509Certificate(issued.certificatePem)
      t.equal(issued.fingerprint, read.fingerprint256.replaceAll(':', '').toLowerCase())
      t.equal(issued.serial, read.serialNumber.toLowerCase())
      t.equal(issued.notBeforeMs, read.validFromDate.getTime())
      t.equal(issued.notAfterMs, read.validToDate.getTime())
      t.ok(read.checkPrivateKey(createPrivateKey(issued.privateKeyPem)))
      t.ok(read.checkIssued(new X509Certificate(rootPem)))
    })

    t.test('serials are positive, of 128 bits, and never the same', async (t) => {
      const serials = await Promise.all(Array.from({ length: 50 }, async () => (await authority.issueGateway(identity)).serial))
      t.equal(new Set(serials).size, 50)
      t.ok(serials.every((serial) => /^[4-7][0-9a-f]{31}$/.test(serial)))
    })

    testSubjects(t, authority)
    testRequests(t, authority)
    testServerNames(t, authority)
  })

  t.test(`${name}: validity`, async (t) => {
    const start = Date.UTC(2026, 0, 31, 12, 0, 0, 789)
    let nowMs = start
    const authority = await open(t.testdir(), () => nowMs)

    t.test('starts five minutes back, for slow clocks, and lasts the days asked for', async (t) => {
      const { notBeforeMs, notAfterMs } = await authority.issueGateway({ ...identity, validDays: 90 })
      t.equal(notBeforeMs, start - 300_789)
      t.equal(notAfterMs, start - 789 + 90 * DAY_MS)
    })

    t.test('the root lasts 20 years, and nothing lasts longer than the root', async (t) => {
      t.equal(authority.notAfterMs, start - 789 + 7_305 * DAY_MS)
      t.equal((await authority.issueGateway({ ...identity, validDays: 1_000_000 })).notAfterMs, authority.notAfterMs)
      t.equal((await authority.issueServer({ ...localhost, validDays: 1e12 })).notAfterMs, authority.notAfterMs)
    })

    t.test('days that are not positive are refused', async (t) => {
      for (const validDays of [0, -1, Number.NaN]) {
        await t.rejects(authority.issueGateway({ ...identity, validDays }), { code: 'usage.invalid' })
      }
    })

    t.test('an expired root signs nothing', async (t) => {
      nowMs = authority.notAfterMs
      t.teardown(() => {
        nowMs = start
      })
      await t.rejects(authority.issueGateway(identity), { code: 'certificate-authority.unusable', remedy: 'stop' })
    })
  })

  t.test(`${name}: OpenSSL agrees`, { skip: needs('openssl') }, async (t) => {
    const folder = t.testdir()
    const authority = await open(folder)
    const verify = (purpose: string, certificatePem: string): string => {
      const file = join(folder, 'leaf.pem')
      writeFileSync(file, certificatePem)
      const options = ['-x509_strict', '-purpose', purpose, '-CAfile', join(folder, 'ca.pem'), file]
      return execFileSync('openssl', ['verify', ...options], { encoding: 'utf8', stdio: 'pipe' })
    }

    t.test('certificates pass its strict checks for their own use only', async (t) => {
      const { certificatePem: gateway } = await authority.issueGateway(identity)
      const { certificatePem: server } = await authority.issueServer(localhost)
      t.match(verify('sslclient', gateway), /: OK/)
      t.match(verify('sslserver', server), /: OK/)
      t.throws(() => verify('sslserver', gateway), /unsuitable certificate purpose/)
      t.throws(() => verify('sslclient', server), /unsuitable certificate purpose/)
    })
  })
}

function testSubjects(t: Test, authority: CertificateAuthority): void {
  t.test('odd characters in a subject stay in their own attribute', async (t) => {
    const gateway = 'gw,O=evil+CN="x"\\;#<é>'
    const { certificatePem } = await authority.issueGateway({ tenant: '#0401', gateway, validDays: 1 })
    const { subject } = new X509Certificate(certificatePem).toLegacyObject()
    t.strictSame({ ...subject }, { O: '#0401', CN: gateway })
  })

  t.test('what a reader could misread is refused: control characters, lone surrogates, nothing, too much', async (t) => {
    for (const odd of ['', 'a\u0000b', 'a\nCN=b', '\ud800', 'a'.repeat(65), '\u2028']) {
      await t.rejects(authority.issueGateway({ ...identity, gateway: odd }), { code: 'data.invalid' })
      await t.rejects(authority.issueGateway({ ...identity, tenant: odd }), { code: 'data.invalid' })
    }
  })
}

function testRequests(t: Test, authority: CertificateAuthority): void {
  const accepted: readonly KeyKind[] = ['EC P-256', 'EC P-384', 'Ed25519', 'RSA 2048']
  for (const kind of accepted) {
    t.test(`a request with an ${kind} key gets a certificate that works; only the key is taken from it`, async (t) => {
      const { requestPem, privateKeyPem, publicKeyDer } = await makeRequest(kind)
      const { certificatePem } = await authority.issueGatewayFromRequest(requestPem, identity)
      t.notOk(new X509Certificate(certificatePem).ca)
      t.ok(new X509Certificate(certificatePem).publicKey.export({ type: 'spki', format: 'der' }).equals(publicKeyDer))
      const server = side(await authority.issueServer(localhost), authority.rootPem)
      const met = await shakeHands({ server, client: { certificatePem, privateKeyPem, rootPem: authority.rootPem } })
      t.match(met, { protocol: 'TLSv1.3', clientError: undefined })
      t.strictSame({ ...met.client.subject }, { O: 'acme', CN: 'gw-1' })
    })
  }

  for (const kind of Object.keys(KEY_KINDS).filter((kind) => !accepted.some((one) => one === kind))) {
    t.test(`a request with a key of ${kind} is refused`, async (t) => {
      const { requestPem } = await makeRequest(kind === 'RSA 1024' ? 'RSA 1024' : 'EC P-521')
      await t.rejects(authority.issueGatewayFromRequest(requestPem, identity), { code: 'data.invalid', message: /RSA with 2048/ })
    })
  }

  t.test('a request whose signature is not by its key is refused', async (t) => {
    for (const kind of accepted) {
      const { requestPem, publicKeyDer } = await makeRequest(kind)
      const der = derOf(requestPem)
      const stolen = (await makeRequest(kind)).publicKeyDer
      der.set(stolen, der.indexOf(publicKeyDer))
      const forged = pem('CERTIFICATE REQUEST', der)
      await t.rejects(authority.issueGatewayFromRequest(forged, identity), { code: 'data.invalid', message: /signature/ })
    }
  })

  t.test('what is not a request is refused, whatever it is', async (t) => {
    const { requestPem } = await makeRequest('EC P-256')
    const nothing = ['', 'hello', authority.rootPem, requestPem.slice(0, 200), pem('CERTIFICATE REQUEST', Buffer.from([0x30, 0]))]
    const tooMuch = `${requestPem}${' '.repeat(20_000)}`
    const broken = pem('CERTIFICATE REQUEST', derOf(requestPem).subarray(0, 100))
    for (const text of [...nothing, tooMuch, broken]) {
      await t.rejects(authority.issueGatewayFromRequest(text, identity), { code: 'data.invalid', remedy: 'reject' })
    }
  })
}

function testServerNames(t: Test, authority: CertificateAuthority): void {
  t.test('DNS names and addresses stand in the alternative names, the first in the subject', async (t) => {
    const names = ['mqtt.example.com', '*.example.com', '192.0.2.7', '2001:db8::7', '::ffff:192.0.2.1']
    const { certificatePem } = await authority.issueServer({ names, validDays: 30 })
    const read = new X509Certificate(certificatePem)
    t.equal(read.subject, 'CN=mqtt.example.com')
    t.equal(read.checkHost('mqtt.example.com'), 'mqtt.example.com')
    t.equal(read.checkHost('other.example.org'), undefined)
    for (const address of names.slice(2)) t.ok(read.checkIP(address), address)
    t.notOk(read.checkIP('192.0.2.8'))
  })

  t.test('a name longer than a subject may be stands in the alternative names alone', async (t) => {
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.com`
    const { certificatePem } = await authority.issueServer({ names: [long], validDays: 30 })
    t.equal(new X509Certificate(certificatePem).checkHost(long), long)
  })

  t.test('what is neither a DNS name nor an address is refused', async (t) => {
    for (const name of ['', 'a b', '-a.example.com', 'a..b', 'fe80::1%eth0', 'a\u0000b', 'https://a', 'x'.repeat(300)]) {
      await t.rejects(authority.issueServer({ names: [name], validDays: 1 }), { code: 'data.invalid' })
    }
    await t.rejects(authority.issueServer({ names: [], validDays: 1 }), { code: 'data.invalid' })
    await t.rejects(authority.issueServer({ names: Array(101).fill('a.example.com'), validDays: 1 }), { code: 'data.invalid' })
  })
}
