import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { runCli, startCli } from './cli/program.ts'

// Goal: the commands and the running product fit together: simulated gateways are enrolled, let in, and their readings are seen.
// Method: `millrace up` as a process, on free ports, and the real command line beside it.
t.setTimeout(180_000)
const base = t.testdir()
const folder = join(base, 'data')
const ports = { MILLRACE_MQTT_PORT: '0', MILLRACE_HTTP_PORT: '0', MILLRACE_METRICS_PORT: '0', MILLRACE_LOG_LEVEL: 'warn' }
const cli = (...argv: string[]) => runCli(folder, argv, ports)
const up = startCli(folder, ['up', '--no-demo', '--json'], ports)
t.teardown(() => up.child.kill('SIGKILL'))
up.stderr.resume()

t.before(async () => {
  await Promise.race([once(up.stdout, 'data'), up.exited.then(() => Promise.reject(new Error('up has ended.')))])
  await cli('tenants', 'add', 'demo', '--name', 'Demo')
})

t.test('a simulated history is accepted, and every message of it acknowledged', async (t) => {
  const argv = ['simulate', '--tenant', 'demo', '--gateways', '1', '--backfill', '2h', '--history-only', '--no-outages']
  const ended = await cli(...argv, '--out', join(base, 'gateways'), '--json')
  t.equal(ended.exitCode, 0, ended.stderr)
  const report = JSON.parse(ended.stdout)
  t.ok(report.readings > 1_000)
  t.equal(report.acked, report.messages)

  const tail = ['tail', '--since', '1h', '--no-follow', '--tenant', 'demo', '--json']
  const linesOf = async (...more: string[]) => (await cli(...tail, ...more)).stdout.trim().split('\n')
  t.equal((await linesOf()).length, report.readings)
  const ofPress = (await linesOf('--sensor', 'press-1')).map((line) => JSON.parse(line))
  t.same([...new Set(ofPress.map(({ sensor }) => sensor))], ['press-1'])
  t.same(
    ofPress.map(({ ts }) => ts),
    ofPress.map(({ ts }) => ts).toSorted(),
    'in the order of time',
  )
})

t.test('a later run keeps the certificates, and ends after its duration', async (t) => {
  const argv = ['simulate', '--tenant', 'demo', '--gateways', '1', '--duration', '2s', '--out', join(base, 'gateways')]
  const ended = await cli(...argv)
  t.equal(ended.exitCode, 0, ended.stderr)
  t.match(ended.stdout, /messages\s+\d/)
  const [gateway, ...others] = JSON.parse((await cli('gateways', 'list', '--json')).stdout).gateways
  t.match(gateway, { gateway: 'sim-gw-site', state: 'active' })
  t.equal(gateway.certificates.length, 1)
  t.same(others, [])
})

t.test('doctor sees the listeners and their certificates', async (t) => {
  const { findings } = JSON.parse((await cli('doctor', '--json')).stdout)
  const found = (name: string) => findings.find((finding: { name: string }) => finding.name === name)
  t.match(found('readiness'), { state: 'ok' })
  t.match(found('server certificate (mqtt)'), { state: 'ok' })
})

t.test('the running process ends cleanly when it is asked to', async (t) => {
  up.child.kill('SIGTERM')
  t.equal(await up.exited, 0)
})
