import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCli } from './cli/program.ts'

// Goal: the program does on a data folder that nothing runs on what a person or a script expects of it.
// Method: the real program, as a child process, on a folder of its own. What needs no process of its own is in cli-commands.test.ts.
t.setTimeout(180_000)
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

t.test('a gateway is enrolled into files of which only the owner can read the key', async (t) => {
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
})

t.test('a token stands alone on standard output', async (t) => {
  const created = await cli('tokens', 'create', '--tenant', 'acme', '--scope', 'read')
  t.equal(created.exitCode, 0)
  t.match(created.stdout, /^mlr_[A-Za-z0-9_-]{43}\n$/)
  t.match(created.stderr, /not shown again/)
})

t.test('commands that work at the same time wait for each other', async (t) => {
  const names = ['one', 'two', 'three']
  const added = await Promise.all(names.map((name) => cli('tenants', 'add', name, '--name', name)))
  t.same(
    added.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr)),
    [0, 0, 0],
  )
})

t.test('a slip of the pen gets a suggestion and exit code 64', async (t) => {
  const slip = await cli('tennants', 'list')
  t.equal(slip.exitCode, 64)
  t.match(slip.stderr, /Did you mean tenants\?/)
})

t.test('what the environment has wrong is named', async (t) => {
  const refused = await runCli(folder, ['tenants', 'list'], { MILLRACE_MQTT_PORT: 'eighty' })
  t.equal(refused.exitCode, 78)
  t.match(refused.stderr, /MILLRACE_MQTT_PORT/)
})
