// Goal: what an operator does may be broken off by a power cut between any two durable steps, and done again; what it leaves behind is told.
// Method: the command line and the product in processes of their own, which end by SIGKILL at named crash points.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isTokenKnown } from '../../platform/adapters/influx/ensure.ts'
import { needsServers, serverVariables } from '../flow/pipeline/at-scale.ts'
import { operationsOn } from './harness/enrol.ts'
import { killProduct, startProduct, stopProduct, UNWATCHED, whenReady } from './harness/product.ts'

t.setTimeout(180_000)
const LAUNCHER = fileURLToPath(new URL('../../operate/millrace.js', import.meta.url))

t.test('millrace doctor --fix', { skip: needsServers() }, async (t) => {
  const variables = await serverVariables(t)
  const folder = t.testdir()
  async function fix(crashAt?: string) {
    const child = spawn(process.execPath, [LAUNCHER, 'doctor', '--fix', '--json'], {
      env: {
        ...process.env,
        ...UNWATCHED,
        ...variables,
        MILLRACE_DATA_DIR: join(folder, 'data'),
        MILLRACE_METRICS_PORT: '0',
        ...(crashAt !== undefined && { MILLRACE_CRASH_AT: crashAt }),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk))
    const [, signal] = await once(child, 'close')
    return { signal, text }
  }

  const tokenFile = variables.MILLRACE_INFLUX_READ_TOKEN_FILE ?? ''
  for (const point of ['fix.after-topics', 'fix.after-tables', 'fix.after-buckets', 'fix.after-token', 'fix.after-token']) {
    t.equal((await fix(point)).signal, 'SIGKILL', point)
    await t.rejects(access(tokenFile), 'no file of a token before the token is in it')
  }
  const whole = await fix()
  t.match(whole.text, /"made, in [^"]*influx-read; 2 more of that name are there"/, 'the two whose files were never written')
  const { MILLRACE_INFLUX_URL: url = '', MILLRACE_INFLUX_ORG: org = '', MILLRACE_INFLUX_BUCKET: bucket = '' } = variables
  t.ok(await isTokenKnown({ url, org, bucket, token: (await readFile(tokenFile, 'utf8')).trim() }))
  const again = await fix()
  t.notMatch(again.text, /"(made|fail)/, 'and the next has nothing to do')
})

t.test('enrolling a gateway', async (t) => {
  const folder = join(t.testdir(), 'data')
  const start = (crashAt?: string) => {
    const environment = { ...UNWATCHED, ...(crashAt !== undefined && { MILLRACE_CRASH_AT: crashAt }) }
    return startProduct({ folder, mqttPort: 0, httpPort: 0, environment })
  }
  const name = { tenant: 'acme', gateway: 'gw-1' }
  const first = start('enrol.after-record')
  await whenReady(first)
  const operations = await operationsOn(folder)
  await operations.call('tenants.add', { tenant: 'acme', name: 'Acme' })
  await t.rejects(operations.call('gateways.enrol', name), { code: 'admin.unavailable' })
  t.equal((await first.exited).signal, 'SIGKILL')

  const next = start()
  t.teardown(() => killProduct(next, folder))
  await whenReady(next)
  const anew = await operationsOn(folder)
  await t.rejects(anew.call('gateways.enrol', name), { code: 'gateway.exists', message: /millrace gateways rotate gw-1/ })
  const { certificatePem } = await anew.call('gateways.rotate', { ...name, overlapMs: 0 })
  t.match(certificatePem, /BEGIN CERTIFICATE/)
  const { gateways } = await anew.call('gateways.list', { tenant: 'acme' })
  t.match(gateways, { length: 1 })
  t.equal((await stopProduct(next)).exitCode, 0)
})
