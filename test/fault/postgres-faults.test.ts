// Goal: PostgreSQL that is killed, or goes silent with every connection left open, costs nobody who is connected anything, is told to everybody
// else in bounded time, and needs no restart of ours once it is back.
// Method: the product in this process, with a real server of this test's own behind a wire, as the role that `doctor --fix` makes.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import t, { type Test } from 'tap'
import { fix } from '../../operate/up/fix.ts'
import { startPostgres } from '../../scripts/services/postgres.ts'
import { freePort } from '../../scripts/services/run.ts'
import { runCli } from '../flow/cli/program.ts'
import { addTenant, connectGateway, createProgram, startProduct } from '../flow/pipeline/world.ts'
import { needsService, openToxiproxy } from '../services.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { openWire } from './scale/servers.ts'

t.setTimeout(240_000)
/** A request of the API is given up by itself, whatever the store does. */
const ANSWER_MS_MAX = 35_000
/** The longest question that is still waiting, and the way to make a new connection. */
const RECOVER_MS_MAX = 25_000
const LATEST = '/v1/sensors'

async function startWorld(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-postgres-faults-'))
  // PostgreSQL runs as another user, and goes through it.
  await chmod(folder, 0o755)
  const postgres = await startPostgres(join(folder, 'postgres'))
  t.teardown(async () => {
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const { url: proxyUrl } = await openToxiproxy()
  const wire = await openWire(proxyUrl, {
    name: `postgres-${process.pid}`,
    upstream: new URL(postgres.url).host,
    port: await freePort(),
  })
  const environment = await variables(folder, postgres.url, wire.port)
  t.same(
    (await fix(environment)).filter(({ state }) => state !== 'ok'),
    [],
  )
  const up = await startProduct(t, join(folder, 'data'), environment)
  await addTenant(up, 'acme')
  const gateway = await connectGateway(t, up, { tenant: 'acme', gateway: 'gw-1' })
  const program = await createProgram(up, 'acme')
  const enrolled = await up.operations.call('gateways.enrol', { tenant: 'acme', gateway: 'gw-2' })
  /** One that is enrolled, and comes while the store is away. */
  const enter = async (): Promise<string> => {
    const { caPem, certificatePem, privateKeyPem = '' } = enrolled
    const at = { protocol: 'mqtts', host: '127.0.0.1', port: up.mqttPort, servername: 'localhost' } as const
    const tls = { ca: caPem, cert: certificatePem, key: privateKeyPem }
    const options = { ...at, ...tls, clientId: 'gw-2', protocolVersion: 4 as const, reconnectPeriod: 0 }
    return connectAsync({ ...options, connectTimeout: ANSWER_MS_MAX }).then(
      async (client) => client.endAsync(true).then(() => 'let in'),
      (error: Error) => error.message,
    )
  }
  return {
    enter,
    postgres,
    wire,
    up,
    gateway,
    program,
    cli: () => runCli(join(folder, 'data'), ['tenants', 'list', '--json']),
  }
}

async function variables(folder: string, serverUrl: string, port: number) {
  const [owner, app] = [new URL(serverUrl), new URL(serverUrl)]
  await writeFile(join(folder, 'owner'), owner.password)
  await writeFile(join(folder, 'app'), 'app-password')
  Object.assign(owner, { password: '' })
  Object.assign(app, { username: 'millrace_app', password: '', port: String(port) })
  return {
    MILLRACE_POSTGRES_URL: app.href,
    MILLRACE_POSTGRES_PASSWORD_FILE: join(folder, 'app'),
    MILLRACE_POSTGRES_ADMIN_URL: owner.href,
    MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE: join(folder, 'owner'),
    MILLRACE_POSTGRES_POOL_MAX: '4',
  }
}

type World = Awaited<ReturnType<typeof startWorld>>

/** What everybody is told while the store is away. */
async function meanwhile(t: Test, { up, gateway, program, cli, enter }: World, sensor: string): Promise<void> {
  const startMs = performance.now()
  await gateway.publish({ readings: [{ sensor, ts: Date.now(), values: { power_w: 1 } }] })
  t.ok(performance.now() - startMs < 2_000, 'a gateway that is connected is acknowledged as ever')
  const [answer, ready, command, newcomer, stranger] = await Promise.all([
    program.get(LATEST),
    fetch(new URL('/readyz', up.metricsUrl)).then((response) => response.text()),
    cli(),
    enter(),
    up.operations.call('gateways.enrol', { tenant: 'acme', gateway: `late-${sensor}` }).then(
      () => 'enrolled',
      (error: { code?: string }) => error.code,
    ),
  ])
  t.match(answer, { status: 503, body: { detail: /.+/ } }, 'the API answers 503')
  t.match(ready, /"name":"metadata".*"down"|"down".*"name":"metadata"/, '/readyz says which store is away')
  t.match(command, { exitCode: 69, stderr: /metadata\.unavailable/ }, 'a command ends with 69')
  t.match(newcomer, /Server unavailable/, 'a gateway that comes is turned away, as for now')
  t.equal(stranger, 'metadata.unavailable', 'nobody is enrolled')
  t.ok(performance.now() - startMs < ANSWER_MS_MAX, `all within ${Math.round(performance.now() - startMs)} ms`)
}

/** All of it again, by itself. */
async function recovered(t: Test, { up, program, cli, enter }: World, sensor: string): Promise<void> {
  const startMs = performance.now()
  await until(async () => (await program.get(LATEST)).status === 200)
  const apiMs = Math.round(performance.now() - startMs)
  t.ok(apiMs < RECOVER_MS_MAX, `the API answers again after ${apiMs} ms`)
  t.match(await cli(), { exitCode: 0 }, 'and so do commands')
  t.equal(await enter(), 'let in', 'who was turned away is let in')
  const late = await connectGateway(t, up, { tenant: 'acme', gateway: `after-${sensor}` })
  await late.publish({ readings: [{ sensor, ts: Date.now(), values: { power_w: 2 } }] })
  await program.getUntil(LATEST, sensor)
  t.match(await (await fetch(new URL('/readyz', up.metricsUrl))).json(), { status: 'ready' })
}

t.test('PostgreSQL at fault', { skip: needsService('postgres') || needsService('toxiproxy') }, async (t) => {
  const world = await startWorld(t)
  const { postgres, wire } = world

  t.test('killed in mid-use and started again', async (t) => {
    postgres.child.kill('SIGKILL')
    await meanwhile(t, world, 'press-killed')
    await postgres.startAgain()
    await recovered(t, world, 'press-killed')
  })

  t.test('restarted, as for an update', async (t) => {
    const asking = Array.from({ length: 20 }, () => world.program.get(LATEST))
    await postgres.stop()
    const statuses = new Set((await Promise.all(asking)).map(({ status }) => status))
    t.ok(
      [...statuses].every((status) => status === 200 || status === 503),
      [...statuses].join(', '),
    )
    await postgres.startAgain()
    await recovered(t, world, 'press-restarted')
  })

  t.test('silent, with its connections left open and dead for ever', async (t) => {
    await wire.silence()
    await meanwhile(t, world, 'press-silent')
    await wire.heal()
    await recovered(t, world, 'press-silent')
  })
})
