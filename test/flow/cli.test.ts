import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { needs } from '../programs.ts'
import { runCli } from './cli/program.ts'

// Goal: the commands do what they say on a data folder that nothing runs on, and their output can be read by programs.
// Method: the real program, as a child process, on a folder of its own.
const base = t.testdir()
const folder = join(base, 'data')
const cli = (...argv: string[]) => runCli(folder, argv)
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

t.test('a command that reads does not make a data folder', async (t) => {
  const listed = await cli('tenants', 'list')
  t.equal(listed.exitCode, 78)
  t.match(listed.stderr, /no data folder/)
  t.notOk(existsSync(folder))
})

t.test('a tenant is added, listed, and refused the second time', async (t) => {
  const added = await cli('tenants', 'add', 'acme', '--name', 'Acme BV', '--json')
  t.equal(added.exitCode, 0)
  t.match(JSON.parse(added.stdout), { tenant: 'acme', name: 'Acme BV' })
  t.equal(added.stderr, '')
  t.equal(modeOf(folder), '700')

  const listed = await cli('tenants', 'list')
  t.match(listed.stdout, /^TENANT\s+NAME\s+ADDED \(UTC\)\nacme\s+Acme BV\s+\d{4}-/)
  const again = await cli('tenants', 'add', 'acme', '--name', 'Other', '--json')
  t.equal(again.exitCode, 65)
  t.match(JSON.parse(again.stderr), { error: { code: 'tenant.exists' } })
  t.equal(again.stdout, '')
})

t.test('an id that breaks the grammar is refused with the rule', async (t) => {
  const refused = await cli('tenants', 'add', 'Acme!', '--name', 'x')
  t.equal(refused.exitCode, 64)
  t.match(refused.stderr, /lower-case letters/)
})

t.test('a gateway is enrolled into files that only their owner can read', async (t) => {
  const out = join(base, 'gw-1')
  const enrolled = await cli('gateways', 'enrol', 'gw-1', '--tenant', 'acme', '--out', out, '--days', '30')
  t.equal(enrolled.exitCode, 0)
  t.match(enrolled.stderr, /mosquitto_pub/)
  t.equal(modeOf(out), '700')
  t.equal(modeOf(join(out, 'key.pem')), '600')
  const certificate = new X509Certificate(readFileSync(join(out, 'cert.pem')))
  t.ok(certificate.verify(new X509Certificate(readFileSync(join(out, 'ca.pem'))).publicKey))
  t.same(certificate.subject.split('\n').toSorted(), ['CN=gw-1', 'O=acme'])
  t.ok(certificate.validToDate.getTime() - Date.now() < 31 * 86_400_000)

  t.test('nothing is overwritten, and nothing enrolled, without --force', async (t) => {
    const before = readFileSync(join(out, 'key.pem'))
    const refused = await cli('gateways', 'enrol', 'gw-2', '--tenant', 'acme', '--out', out)
    t.equal(refused.exitCode, 65)
    t.match(refused.stderr, /--force/)
    t.same(readFileSync(join(out, 'key.pem')), before)
    t.same(JSON.parse((await cli('gateways', 'list', '--json')).stdout).gateways.length, 1)
  })

  t.test('rotating gives a new key, and the old certificate ends after the overlap', async (t) => {
    const rotated = await cli(
      'gateways',
      'rotate',
      'gw-1',
      '--tenant',
      'acme',
      '--out',
      out,
      '--force',
      '--overlap',
      '1h',
      '--json',
    )
    t.equal(rotated.exitCode, 0)
    const { fingerprint, oldCertificatesEndAt } = JSON.parse(rotated.stdout)
    const der = new X509Certificate(readFileSync(join(out, 'cert.pem'))).raw
    t.equal(fingerprint, createHash('sha256').update(der).digest('hex'))
    const [gateway] = JSON.parse((await cli('gateways', 'list', '--tenant', 'acme', '--json')).stdout).gateways
    t.equal(gateway.state, 'active')
    t.equal(
      gateway.certificates.find((each: { revokedAt?: string }) => each.revokedAt !== undefined)?.revokedAt,
      oldCertificatesEndAt,
    )
  })

  t.test('revoking asks a program for --yes, and may be repeated', async (t) => {
    const asked = await cli('gateways', 'revoke', 'gw-1', '--tenant', 'acme')
    t.equal(asked.exitCode, 64)
    t.match(asked.stderr, /--yes/)
    for (const _attempt of ['first', 'second']) {
      const revoked = await cli('gateways', 'revoke', 'gw-1', '--tenant', 'acme', '--yes', '--json')
      t.equal(revoked.exitCode, 0)
      t.equal(JSON.parse(revoked.stdout).state, 'revoked')
    }
    const rotated = await cli('gateways', 'rotate', 'gw-1', '--tenant', 'acme', '--out', join(base, 'never'), '--json')
    t.match(JSON.parse(rotated.stderr), { error: { code: 'gateway.revoked' } })
  })
})

t.test('a gateway brings its own key in a request', { skip: needs('openssl') }, async (t) => {
  const out = t.testdir()
  const key = join(out, 'key.pem')
  const request = join(out, 'gw-3.csr')
  execFileSync(
    'openssl',
    [
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      request,
      '-subj',
      '/CN=x',
    ],
    { stdio: 'ignore' },
  )
  const before = readFileSync(key)
  const enrolled = await cli('gateways', 'enrol', 'gw-3', '--tenant', 'acme', '--out', out, '--csr', request, '--json')
  t.equal(enrolled.exitCode, 0)
  t.same(readFileSync(key), before)
  t.match(new X509Certificate(readFileSync(join(out, 'cert.pem'))).subject, /CN=gw-3/)

  writeFileSync(request, 'not a request')
  const refused = await cli('gateways', 'enrol', 'gw-4', '--tenant', 'acme', '--out', join(out, 'gw-4'), '--csr', request)
  t.equal(refused.exitCode, 65)
})

t.test('a token stands alone on standard output, and is shown never again', async (t) => {
  const created = await cli(
    'tokens',
    'create',
    '--tenant',
    'acme',
    '--scope',
    'read',
    '--scope',
    'diagnose',
    '--label',
    'Grafana',
    '--expires',
    '2d',
  )
  t.equal(created.exitCode, 0)
  t.match(created.stdout, /^mlr_[A-Za-z0-9_-]{43}\n$/)
  t.match(created.stderr, /not shown again/)
  const listed = await cli('tokens', 'list', '--json')
  const [token] = JSON.parse(listed.stdout).tokens
  t.match(token, { tenant: 'acme', scopes: ['read', 'diagnose'], label: 'Grafana', state: 'active' })
  t.equal(Math.round((Date.parse(token.expiresAt) - Date.parse(token.createdAt)) / 3_600_000), 48)
  t.notMatch(listed.stdout, created.stdout.trim())

  t.equal((await cli('tokens', 'revoke', token.id)).exitCode, 0)
  t.equal(JSON.parse((await cli('tokens', 'list', '--tenant', 'acme', '--json')).stdout).tokens[0].state, 'revoked')
  const secret = created.stdout.trim()
  const mistaken = await cli('tokens', 'revoke', secret)
  t.equal(mistaken.exitCode, 65)
  t.notMatch(mistaken.stderr, secret)
})

t.test('scopes, life and tenants that do not exist are refused', async (t) => {
  t.equal((await cli('tokens', 'create', '--tenant', 'acme', '--scope', 'admin')).exitCode, 64)
  t.equal((await cli('tokens', 'create', '--tenant', 'acme', '--scope', 'read', '--expires', '11000d')).exitCode, 64)
  t.equal((await cli('tokens', 'create', '--tenant', 'nobody', '--scope', 'read')).exitCode, 65)
})

t.test('commands that work at the same time wait for each other', async (t) => {
  const names = ['one', 'two', 'three', 'four']
  const added = await Promise.all(names.map((name) => cli('tenants', 'add', name, '--name', name)))
  t.same(
    added.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr)),
    [0, 0, 0, 0],
  )
})

t.test('a slip of the pen gets a suggestion, and a program gets it as JSON', async (t) => {
  const slip = await cli('tennants', 'list')
  t.equal(slip.exitCode, 64)
  t.match(slip.stderr, /Did you mean tenants\?/)
  const asJson = await cli('tenants', 'list', '--bogus', '--json')
  t.equal(asJson.exitCode, 64)
  t.match(JSON.parse(asJson.stderr), { error: { code: 'usage.invalid' } })
  t.equal((await cli('--json')).exitCode, 64)
})

t.test('help and version are no failures', async (t) => {
  const help = await cli('gateways', 'enrol', '--help')
  t.equal(help.exitCode, 0)
  t.match(help.stdout, /Examples:/)
  t.match((await cli('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
})

t.test('what the environment has wrong is named', async (t) => {
  const refused = await runCli(folder, ['tenants', 'list'], { MILLRACE_MQTT_PORT: 'eighty' })
  t.equal(refused.exitCode, 78)
  t.match(refused.stderr, /MILLRACE_MQTT_PORT/)
})

t.test('simulating needs a running Millrace', async (t) => {
  t.equal((await cli('simulate', '--tenant', 'acme')).exitCode, 69)
})
