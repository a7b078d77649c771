import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { needs } from '../programs.ts'
import { runHere } from './cli/in-process.ts'

// Goal: every command keeps its promises, to people at a terminal and to programs.
// Method: the command line in this process, on real stores in a folder of its own.
t.setTimeout(120_000)
const base = t.testdir()
const folder = join(base, 'data')
const cli = (...argv: string[]) => runHere(folder, argv)
const json = async (...argv: string[]) => JSON.parse((await cli(...argv, '--json')).stdout)
const ESCAPE = '\u001b['

t.before(async () => {
  await cli('tenants', 'add', 'acme', '--name', 'Acme BV')
})

t.test('an id that breaks the grammar is refused with the rule', async (t) => {
  const refused = await cli('tenants', 'add', 'Acme!', '--name', 'x')
  t.equal(refused.exitCode, 64)
  t.match(refused.stderr, /lower-case letters/)
  t.equal((await cli('tenants', 'add', 'evil', '--name', `a${ESCAPE}2J`)).exitCode, 64)
})

t.test('an enrolled gateway', async (t) => {
  const out = join(base, 'gw-1')
  t.equal((await cli('gateways', 'enrol', 'gw-1', '--tenant', 'acme', '--out', out)).exitCode, 0)

  t.test('keeps its files, and nothing is enrolled, without --force', async (t) => {
    const before = readFileSync(join(out, 'key.pem'))
    const refused = await cli('gateways', 'enrol', 'gw-2', '--tenant', 'acme', '--out', out)
    t.equal(refused.exitCode, 65)
    t.match(refused.stderr, /--force/)
    t.same(readFileSync(join(out, 'key.pem')), before)
    t.equal((await json('gateways', 'list')).gateways.length, 1)
  })

  t.test('is not enrolled twice, and the error says how to go on', async (t) => {
    const refused = await cli('gateways', 'enrol', 'gw-1', '--tenant', 'acme', '--out', join(base, 'twice'))
    t.equal(refused.exitCode, 65)
    t.match(refused.stderr, /gateways rotate gw-1 --tenant acme/)
  })

  t.test('gets a new key when rotated, and its old certificate ends after the overlap', async (t) => {
    const argv = ['gateways', 'rotate', 'gw-1', '--tenant', 'acme', '--out', out, '--force', '--overlap', '1h']
    const { fingerprint, oldCertificatesEndAt } = await json(...argv)
    const der = new X509Certificate(readFileSync(join(out, 'cert.pem'))).raw
    t.equal(fingerprint, createHash('sha256').update(der).digest('hex'))
    const [gateway] = (await json('gateways', 'list', '--tenant', 'acme')).gateways
    t.equal(gateway.state, 'active')
    t.same(
      gateway.certificates.map((each: { revokedAt?: string }) => each.revokedAt),
      [undefined, oldCertificatesEndAt],
    )
    t.equal(Math.round((Date.parse(oldCertificatesEndAt) - Date.now()) / 60_000), 60)
  })

  t.test('is revoked only when a person says yes', async (t) => {
    const argv = ['gateways', 'revoke', 'gw-1', '--tenant', 'acme']
    const declined = await runHere(folder, argv, { typed: 'n\n' })
    t.equal(declined.exitCode, 64)
    t.match(declined.stderr, /Go on\? \[y\/N\]/)
    t.equal((await json('gateways', 'list')).gateways[0].state, 'active')
    t.equal((await runHere(folder, argv, { typed: 'y\n' })).exitCode, 0)
    t.equal((await json('gateways', 'list')).gateways[0].state, 'revoked')
  })

  t.test('is revoked by a program with --yes, again and again', async (t) => {
    t.equal((await cli('gateways', 'revoke', 'gw-1', '--tenant', 'acme')).exitCode, 64)
    t.equal((await json('gateways', 'revoke', 'gw-1', '--tenant', 'acme', '--yes')).state, 'revoked')
  })

  t.test('can not be rotated once it is revoked, but enrolled anew', async (t) => {
    const rotated = await cli('gateways', 'rotate', 'gw-1', '--tenant', 'acme', '--out', join(base, 'never'), '--json')
    t.match(JSON.parse(rotated.stderr), { error: { code: 'gateway.revoked' } })
    t.equal((await cli('gateways', 'enrol', 'gw-1', '--tenant', 'acme', '--out', out, '--force')).exitCode, 0)
    t.equal((await json('gateways', 'list')).gateways[0].state, 'active')
  })
})

t.test('a key is not written where others could swap it', async (t) => {
  const out = t.testdir()
  chmodSync(out, 0o777)
  const refused = await cli('gateways', 'enrol', 'gw-9', '--tenant', 'acme', '--out', out)
  t.equal(refused.exitCode, 65)
  t.match(refused.stderr, /chmod 700/)
})

t.test('a gateway brings its own key in a request', { skip: needs('openssl') }, async (t) => {
  const out = t.testdir()
  const [key, request] = [join(out, 'key.pem'), join(out, 'gw-3.csr')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  execFileSync('openssl', ['req', '-new', ...curve, '-nodes', '-keyout', key, '-out', request, '-subj', '/CN=x'], {
    stdio: 'ignore',
  })
  const before = readFileSync(key)
  const enrolled = await cli('gateways', 'enrol', 'gw-3', '--tenant', 'acme', '--out', out, '--csr', request)
  t.equal(enrolled.exitCode, 0)
  t.same(readFileSync(key), before)
  t.match(new X509Certificate(readFileSync(join(out, 'cert.pem'))).subject, /CN=gw-3/)

  writeFileSync(request, 'not a request')
  const refused = await cli('gateways', 'enrol', 'gw-4', '--tenant', 'acme', '--out', join(out, 'gw-4'), '--csr', request)
  t.equal(refused.exitCode, 65)
})

t.test('a token', async (t) => {
  const argv = [
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
  ]
  const secret = (await cli(...argv)).stdout.trim()

  t.test('is listed without its secret, and with what it may do', async (t) => {
    const listed = await json('tokens', 'list')
    t.match(listed.tokens, [{ tenant: 'acme', scopes: ['read', 'diagnose'], label: 'Grafana', state: 'active' }])
    t.equal(Date.parse(listed.tokens[0].expiresAt) - Date.parse(listed.tokens[0].createdAt), 48 * 3_600_000)
    t.notMatch(JSON.stringify(listed), secret)
  })

  t.test('is not repeated when it is given in place of its id', async (t) => {
    const mistaken = await cli('tokens', 'revoke', secret)
    t.equal(mistaken.exitCode, 65)
    t.notMatch(mistaken.stderr, secret)
  })

  t.test('ends when it is revoked', async (t) => {
    const [token] = (await json('tokens', 'list', '--tenant', 'acme')).tokens
    t.equal((await cli('tokens', 'revoke', token.id)).exitCode, 0)
    t.equal((await json('tokens', 'list')).tokens[0].state, 'revoked')
  })

  t.test('has a known scope, a bounded life and a known tenant', async (t) => {
    t.equal((await cli('tokens', 'create', '--tenant', 'acme', '--scope', 'admin')).exitCode, 64)
    t.equal((await cli('tokens', 'create', '--tenant', 'acme', '--scope', 'read', '--expires', '11000d')).exitCode, 64)
    t.equal((await cli('tokens', 'create', '--tenant', 'nobody', '--scope', 'read')).exitCode, 65)
  })
})

t.test('with --json, standard error has one JSON value and nothing else', async (t) => {
  for (const argv of [
    ['tenants', 'list', '--bogus'],
    ['tennants'],
    ['gateways'],
    [],
    ['gateways', 'list', '--tenant', 'nobody'],
  ]) {
    const failed = await cli(...argv, '--json')
    t.ok(failed.exitCode === 64 || failed.exitCode === 65)
    t.type(JSON.parse(failed.stderr).error.code, 'string')
    t.equal(failed.stdout, '')
  }
})

t.test('help and version are no failures', async (t) => {
  const help = await cli('gateways', 'enrol', '--help')
  t.equal(help.exitCode, 0)
  t.match(help.stdout, /Examples:/)
  t.match((await cli('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
})

t.test('colours are for terminals that want them', async (t) => {
  const failing = ['gateways', 'list', '--tenant', 'nobody']
  t.ok((await runHere(folder, failing, { typed: '' })).stderr.includes(ESCAPE))
  t.notOk((await runHere(folder, failing, { typed: '', environment: { NO_COLOR: '1' } })).stderr.includes(ESCAPE))
  t.notOk((await runHere(folder, [...failing, '--no-color'], { typed: '' })).stderr.includes(ESCAPE))
  t.notOk((await cli(...failing)).stderr.includes(ESCAPE))
})

t.test('simulating needs a running Millrace', async (t) => {
  t.equal((await cli('simulate', '--tenant', 'acme')).exitCode, 69)
})

t.test('doctor is content with a folder that nothing runs on, and names a damaged store', async (t) => {
  const anyPort = { MILLRACE_MQTT_PORT: '0', MILLRACE_HTTP_PORT: '0', MILLRACE_METRICS_PORT: '0' }
  const { findings } = JSON.parse((await runHere(folder, ['doctor', '--json'], { environment: anyPort })).stdout)
  const found = (name: string) => findings.find((finding: { name: string }) => finding.name === name)
  t.match(found('store metadata.sqlite'), { state: 'ok' })
  t.match(found('data folder'), { state: 'ok' })
  t.match(found('root certificate'), { state: 'ok' })
  t.match(found('running process'), { found: /nothing runs/ })

  const damaged = join(t.testdir({ 'metadata.sqlite': 'this is no database' }))
  chmodSync(damaged, 0o700)
  const seen = await runHere(damaged, ['doctor'], { environment: anyPort })
  t.equal(seen.exitCode, 78)
  t.match(seen.stdout, /fail\s+store metadata\.sqlite\s+file is not a database/)
})
