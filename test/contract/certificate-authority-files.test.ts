// Goal: a certificate authority has one root for ever: whatever crashes or goes missing, never a new one over an old one.
// Method: every state of the folder that a crash can leave, made by hand from the files of a whole one.
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openAuthority } from '../../platform/adapters/x509/authority.ts'

const CERTIFICATE = 'ca.pem'
const KEY = 'ca-key.pem'

async function makePair(t: Test, name: string) {
  const folder = t.testdir({ [name]: {} })
  const place = join(folder, name)
  await openAuthority({ folder: place })
  return { certificate: readFileSync(join(place, CERTIFICATE), 'utf8'), key: readFileSync(join(place, KEY), 'utf8') }
}

t.test('the first open makes the folder and both files, the key for nobody else', async (t) => {
  const folder = join(t.testdir(), 'some', 'where')
  const { rootPem } = await openAuthority({ folder })
  t.equal(readFileSync(join(folder, CERTIFICATE), 'utf8'), rootPem)
  t.equal(statSync(join(folder, KEY)).mode & 0o777, 0o600)
  t.equal(statSync(folder).mode & 0o777, 0o700)
})

t.test('every later open has the same root, and its certificates chain to it', async (t) => {
  const folder = t.testdir()
  const first = await openAuthority({ folder })
  const second = await openAuthority({ folder })
  t.equal(second.rootPem, first.rootPem)
  t.equal(second.notAfterMs, first.notAfterMs)
})

t.test('a crash before the first name leaves nothing: the next open starts afresh', async (t) => {
  const { certificate, key } = await makePair(t, 'whole')
  const half = (text: string): string => text.slice(0, text.length / 2)
  const states = [
    {},
    { 'ca-key.pem.new': '' },
    { 'ca-key.pem.new': half(key) },
    { 'ca-key.pem.new': key },
    { 'ca-key.pem.new': key, 'ca.pem.new': half(certificate) },
    { 'ca-key.pem.new': key, 'ca.pem.new': certificate },
  ]
  for (const [index, state] of states.entries()) {
    const folder = join(t.testdir({ [`state-${index}`]: state }), `state-${index}`)
    const { rootPem } = await openAuthority({ folder })
    t.not(rootPem, certificate)
    t.equal((await openAuthority({ folder })).rootPem, rootPem)
    t.throws(() => statSync(join(folder, 'ca-key.pem.new')), { code: 'ENOENT' })
  }
})

t.test('a crash between the two names is finished by the next open', async (t) => {
  const { certificate, key } = await makePair(t, 'whole')
  const folder = t.testdir({ 'ca-key.pem': key, 'ca.pem.new': certificate })
  t.equal((await openAuthority({ folder })).rootPem, certificate)
  t.equal(readFileSync(join(folder, CERTIFICATE), 'utf8'), certificate)
  t.equal((await openAuthority({ folder })).rootPem, certificate)
})

t.test('half a root is an error that names the missing file, and is left as it is', async (t) => {
  const { certificate, key } = await makePair(t, 'whole')
  const another = await makePair(t, 'another')
  const states = [
    { files: { 'ca.pem': certificate }, message: /ca-key\.pem is missing/ },
    { files: { 'ca.pem': certificate, 'ca-key.pem.new': key }, message: /ca-key\.pem is missing/ },
    { files: { 'ca-key.pem': key }, message: /ca\.pem is missing/ },
    { files: { 'ca-key.pem': key, 'ca.pem.new': another.certificate }, message: /ca\.pem is missing/ },
    { files: { 'ca-key.pem': key, 'ca.pem.new': certificate.slice(0, 99) }, message: /ca\.pem is missing/ },
  ]
  for (const { files, message } of states) {
    const folder = t.testdir(files)
    const expected = { code: 'certificate-authority.unusable', remedy: 'stop', message }
    await t.rejects(openAuthority({ folder }), expected)
    await t.rejects(openAuthority({ folder }), expected)
  }
})

t.test('files that are damaged or not each other’s are an error', async (t) => {
  const { certificate, key } = await makePair(t, 'whole')
  const another = await makePair(t, 'another')
  const states = [
    { 'ca.pem': certificate, 'ca-key.pem': another.key },
    { 'ca.pem': certificate, 'ca-key.pem': '' },
    { 'ca.pem': '', 'ca-key.pem': key },
    { 'ca.pem': key, 'ca-key.pem': certificate },
    { 'ca.pem': 'x'.repeat(70_000), 'ca-key.pem': key },
  ]
  for (const files of states) {
    await t.rejects(openAuthority({ folder: t.testdir(files) }), { code: 'certificate-authority.unusable' })
  }
})

t.test('a certificate that is no authority’s is refused as a root', async (t) => {
  const authority = await openAuthority({ folder: t.testdir() })
  const leaf = await authority.issueGateway({ tenant: 'acme', gateway: 'gw-1', validDays: 1 })
  const folder = t.testdir({ 'ca.pem': leaf.certificatePem, 'ca-key.pem': leaf.privateKeyPem })
  await t.rejects(openAuthority({ folder }), {
    code: 'certificate-authority.unusable',
    message: /not the certificate of an authority/,
  })
})

t.test('a folder that can not be made is an error with its cause', async (t) => {
  const folder = join(t.testdir({ file: 'text' }), 'file', 'authority')
  await t.rejects(openAuthority({ folder }), { code: 'certificate-authority.unusable' })
  rmSync(folder, { force: true, recursive: true })
})
