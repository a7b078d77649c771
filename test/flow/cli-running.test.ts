import { once } from 'node:events'
import { existsSync, lstatSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { connectAdmin } from '../../operate/admin/connect-admin.ts'
import { adminSocketPath, claimSocket } from '../../operate/admin/socket-path.ts'
import { runCli, startAdminProcess, startCli } from './cli/program.ts'

// Goal: where a process runs, commands work through its socket; a process that hangs or was killed gives a clear answer.
// Method: a process that really serves the socket, and the real command line beside it.
t.setTimeout(180_000)
t.test('a running process', async (t) => {
  const folder = join(t.testdir(), 'data')
  const running = await startAdminProcess(folder)
  t.teardown(() => running.child.kill('SIGKILL'))
  const cli = (...argv: string[]) => runCli(folder, argv)

  t.test('its socket is open to its owner alone, and nothing is left of how it was made', async (t) => {
    t.equal(lstatSync(adminSocketPath(folder)).mode & 0o777, 0o600)
    t.same(
      readdirSync(folder).filter((name) => name.startsWith('.a')),
      [],
    )
  })

  t.test('commands do their work in it', async (t) => {
    t.equal((await cli('tenants', 'add', 'acme', '--name', 'Acme BV')).exitCode, 0)
    const enrolled = await cli('gateways', 'enrol', 'gw-1', '--tenant', 'acme', '--out', join(folder, '..', 'gw-1'), '--json')
    t.equal(enrolled.exitCode, 0)
    t.equal(JSON.parse((await cli('gateways', 'list', '--json')).stdout).gateways[0].gateway, 'gw-1')
    t.match((await cli('tokens', 'create', '--tenant', 'acme', '--scope', 'read')).stdout, /^mlr_/)
  })

  t.test('errors keep their code on the way through the socket', async (t) => {
    const again = await cli('tenants', 'add', 'acme', '--name', 'Acme BV', '--json')
    t.equal(again.exitCode, 65)
    t.match(JSON.parse(again.stderr), { error: { code: 'tenant.exists' } })
    const unknown = await cli('gateways', 'revoke', 'nobody', '--tenant', 'acme', '--yes', '--json')
    t.match(JSON.parse(unknown.stderr), { error: { code: 'gateway.unknown' } })
  })

  t.test('tail shows what is there, and why something was rejected', async (t) => {
    const readings = await cli('tail', '--since', '1h', '--no-follow', '--json')
    t.match(JSON.parse(readings.stdout), { topic: 'readings', tenant: 'acme', sensor: 'press-1', values: { power_w: 1 } })
    t.match((await cli('tail', '--since', '1h', '--no-follow')).stdout, /acme\/gw-1 press-1 power_w=1\n/)
    t.equal((await cli('tail', '--since', '1h', '--no-follow', '--tenant', 'other')).stdout, '')
    t.equal((await cli('tail', '--since', '1h', '--no-follow', '--sensor', 'press-2')).stdout, '')
    const rejected = await cli('tail', '--topic', 'rejected', '--since', '1h', '--limit', '1')
    t.equal(rejected.exitCode, 0)
    t.match(rejected.stdout, /payload\.not-json/)
    t.notOk(rejected.stdout.includes('\u001b'), 'a gateway can not steer the terminal')
  })

  t.test('tail follows, and an interrupt ends it cleanly', async (t) => {
    const tail = startCli(folder, ['tail', '--since', '1h', '--json'])
    const lines = createInterface({ input: tail.stdout })
    await once(lines, 'line')
    running.child.stdin?.write('42\n')
    const [line] = await once(lines, 'line')
    t.same(JSON.parse(String(line)).values, { power_w: 42 })
    tail.child.kill('SIGINT')
    t.equal(await tail.exited, 0)
  })

  t.test('tail ends cleanly when its reader goes away', async (t) => {
    const tail = startCli(folder, ['tail', '--since', '1h'])
    await once(tail.stdout, 'data')
    tail.stdout.destroy()
    const more = setInterval(() => running.child.stdin?.write('7\n'), 50)
    t.teardown(() => clearInterval(more))
    t.equal(await tail.exited, 0)
  })

  t.test('doctor finds it', async (t) => {
    const seen = await runCli(folder, ['doctor', '--json'], {
      MILLRACE_MQTT_PORT: '0',
      MILLRACE_HTTP_PORT: '0',
      MILLRACE_METRICS_PORT: '0',
    })
    const { findings } = JSON.parse(seen.stdout)
    const found = (name: string) => findings.find((finding: { name: string }) => finding.name === name)
    t.match(found('running process'), { state: 'ok', found: new RegExp(`process ${running.child.pid}`) })
    t.match(found('readiness'), { state: 'ok' })
    t.match(found('gateway certificates'), { state: 'ok', found: /1 gateway,/ })
    t.match(found('clock'), { state: 'ok' })
  })

  t.test('one that hangs is named, and is not mistaken for none', async (t) => {
    running.child.kill('SIGSTOP')
    const hung = await cli('tenants', 'list', '--json')
    running.child.kill('SIGCONT')
    t.equal(hung.exitCode, 69)
    t.match(JSON.parse(hung.stderr), { error: { code: 'admin.unavailable', message: /hangs or is overloaded/ } })
  })

  t.test('what a killed one left behind does not stand in the way', async (t) => {
    running.child.kill('SIGKILL')
    await running.exited
    t.ok(existsSync(adminSocketPath(folder)))
    t.match((await cli('tenants', 'list')).stdout, /acme/)
    const tail = await cli('tail', '--json', '--limit', '1')
    t.equal(tail.exitCode, 0)
    t.match(JSON.parse(tail.stdout), { sensor: 'press-1' })

    const next = await startAdminProcess(folder)
    t.teardown(() => next.child.kill('SIGKILL'))
    t.match((await cli('tenants', 'list')).stdout, /acme/)
    next.child.stdin?.write('stop\n')
    t.equal(await next.exited, 0)
    t.notOk(existsSync(adminSocketPath(folder)))
  })
})

/** Longer than a busy machine makes a living process wait with its first line. */
const SILENCE_MS = 4_000

t.test('a tail whose process falls silent says so', async (t) => {
  const folder = join(t.testdir(), 'data')
  const running = await startAdminProcess(folder)
  t.teardown(() => running.child.kill('SIGKILL'))
  const admin = await connectAdmin(adminSocketPath(folder), { silenceMs: SILENCE_MS })
  const { signal } = new AbortController()
  const entries = admin?.tail({ topic: 'readings', fromMs: 0 }, signal)[Symbol.asyncIterator]()
  await entries?.next()
  running.child.kill('SIGSTOP')
  await t.rejects(async () => entries?.next(), { code: 'admin.unavailable' })
})

t.test('a tail ends with the process that it watches', async (t) => {
  const folder = join(t.testdir(), 'data')
  const running = await startAdminProcess(folder)
  t.teardown(() => running.child.kill('SIGKILL'))
  const admin = await connectAdmin(adminSocketPath(folder))
  const { signal } = new AbortController()
  const entries = admin?.tail({ topic: 'readings', fromMs: 0 }, signal)[Symbol.asyncIterator]()
  await entries?.next()
  running.child.stdin?.write('stop\n')
  t.match(await entries?.next(), { done: true })
  t.equal(await running.exited, 0)
})

t.test('the path of a socket', async (t) => {
  const listen = async () => t.fail('must not listen')

  t.test('is not taken from a process that lives', async (t) => {
    const folder = join(t.testdir(), 'data')
    const running = await startAdminProcess(folder)
    t.teardown(() => running.child.kill('SIGKILL'))
    await t.rejects(claimSocket(adminSocketPath(folder), listen), { code: 'listener.unavailable' })
  })

  t.test('is not taken from a file that is something else', async (t) => {
    const path = join(t.testdir(), 'admin.sock')
    writeFileSync(path, 'mine')
    await t.rejects(claimSocket(path, listen), { code: 'config.invalid' })
  })

  t.test(
    'may be longer than the address of a socket',
    { skip: process.platform === 'linux' ? false : 'only Linux has /proc/self/fd' },
    async (t) => {
      const folder = join(t.testdir(), 'x'.repeat(120))
      const running = await startAdminProcess(folder)
      t.teardown(() => running.child.kill('SIGKILL'))
      t.equal((await connectAdmin(adminSocketPath(folder)).then((admin) => admin?.describe()))?.pid, running.child.pid)
    },
  )
})
