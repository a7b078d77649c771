// Goal: a stop that is asked for loses nothing, however it comes; a product that can't keep its promise doesn't acknowledge.
// Method: the product under load gets SIGTERM, also while it starts; a second one is started on its data folder; its disk refuses to sync.
import { connect as connectPlain, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { needs } from '../programs.ts'
import { audit } from './harness/audit.ts'
import { enrolOne, operationsOn } from './harness/enrol.ts'
import { readLedger } from './harness/ledger.ts'
import { startProduct, stopProduct, whenReady } from './harness/product.ts'
import { until } from './harness/until.ts'
import { type FaultWorld, openFaultWorld } from './harness/world.ts'
import { failSync } from './strace/run-strace.ts'

const STOP_MS_MAX = 10_000
const WAIT_MS_MAX = 30_000
const MESSAGES = 300
const STARTUP_STOPS = 5
const STARTUP_MS = 1_200
const SYNCS_BEFORE_FAILURE = 20

const acked = (world: FaultWorld, count: number): Promise<boolean> =>
  until(`${count} messages are acknowledged`, WAIT_MS_MAX, () => (world.counts().acked >= count ? true : undefined))

/** Starts the product once more, lets every message be acknowledged, and holds what is there against the ledger. */
async function settle(world: FaultWorld) {
  const product = world.start()
  const { apiUrl } = await whenReady(product)
  for (const gateway of world.gateways) gateway.finish()
  await until('every message is acknowledged', WAIT_MS_MAX, () => (world.counts().waiting === 0 ? true : undefined))
  await world.close()
  const result = await audit({ ...world, apiUrl })
  return { result, ended: await stopProduct(product) }
}

t.test('SIGTERM under load', async (t) => {
  const seed = Date.now() % 2 ** 31
  t.comment(`seed ${seed}`)
  const world = await openFaultWorld({ folder: t.testdir(), seed })
  t.teardown(world.abandon)
  await acked(world, MESSAGES)
  const { inFlight } = world.counts()
  const startMs = performance.now()
  t.same(await stopProduct(world.first), { exitCode: 0, signal: null }, 'ends with 0')
  const tookMs = performance.now() - startMs
  t.ok(tookMs < STOP_MS_MAX, `within ten seconds: ${Math.round(tookMs)} ms, ${inFlight} messages in flight`)

  t.test('while it starts', async (t) => {
    for (let stop = 0; stop < STARTUP_STOPS; stop++) {
      const product = world.start()
      const delayMs = (STARTUP_MS * stop) / STARTUP_STOPS
      await setTimeout(delayMs)
      const ended = await stopProduct(product)
      // Before the program has begun to listen for signals, the signal itself ends it.
      t.ok(
        ended.exitCode === 0 || ended.signal === 'SIGTERM',
        `after ${delayMs} ms: ${ended.exitCode ?? ended.signal} ${product.stderr()}`,
      )
    }
  })

  t.test('loses nothing', async (t) => {
    const { result, ended } = await settle(world)
    t.same(result.violations, [])
    t.equal(result.messages.unknown, 0)
    t.ok(result.messages.acknowledged >= MESSAGES)
    t.same(ended, { exitCode: 0, signal: null })
  })
})

/** A connection whose other end never says anything, and never says goodbye either. */
async function openSilent(t: Test, port: number): Promise<Socket> {
  const socket = connectPlain({ host: '127.0.0.1', port, allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return socket
}

t.test('a stop waits for nobody who is silent', async (t) => {
  const folder = t.testdir()
  const product = startProduct({ folder, mqttPort: 0, httpPort: 0 })
  t.teardown(() => stopProduct(product))
  const { mqttPort } = await whenReady(product)
  const { caPem, credentials } = await enrolOne(folder, { tenant: 'acme', gateway: 'gw-1' })
  await openSilent(t, mqttPort)
  const secure = connectTls({
    socket: await openSilent(t, mqttPort),
    servername: 'localhost',
    ca: caPem,
    cert: credentials.certificatePem,
    key: credentials.privateKeyPem,
  })
  secure.on('error', () => undefined)
  await new Promise<void>((resolve) => secure.once('secureConnect', () => resolve()))
  // The product has heard of both, because it answers the operator, who asked after them.
  await (await operationsOn(folder)).call('tenants.list', {})

  const startMs = performance.now()
  const ended = await stopProduct(product)
  const tookMs = Math.round(performance.now() - startMs)
  t.same(
    ended,
    { exitCode: 0, signal: null },
    `neither before the handshake nor before CONNECT: ${tookMs} ms ${product.stderr()}`,
  )
})

t.test('a second product on the same data folder', async (t) => {
  const folder = t.testdir()
  const first = startProduct({ folder, mqttPort: 0, httpPort: 0 })
  t.teardown(() => stopProduct(first))
  const { apiUrl } = await whenReady(first)
  const second = startProduct({ folder, mqttPort: 0, httpPort: 0 })
  t.same(await second.exited, { exitCode: 78, signal: null }, 'is refused as a matter of configuration')
  t.match(second.stderr(), /data-folder\.locked/)
  t.match(second.stderr(), `in use by another Millrace (process ${first.child.pid})`, 'and says who has it')
  t.equal((await fetch(`${apiUrl}/readyz`)).status, 200, 'the first one works on')
})

t.test('a disk that fails to sync', { skip: needs('strace') }, async (t) => {
  const seed = Date.now() % 2 ** 31
  t.comment(`seed ${seed}`)
  const world = await openFaultWorld({ folder: t.testdir(), seed })
  t.teardown(world.abandon)
  await acked(world, MESSAGES)
  await stopProduct(world.first)
  const before = world.counts().acked

  const product = world.start(failSync(join(world.dataFolder, 'log.sqlite-wal'), SYNCS_BEFORE_FAILURE))
  const { exitCode } = await product.exited
  t.equal(exitCode, 69, 'stops the product')
  t.match(product.stderr(), /disk I\/O error/, 'which says why')
  const { acked: after, waiting } = world.counts()
  t.ok(after > before, `${after - before} messages were acknowledged before the failure`)
  t.ok(waiting > 0, `${waiting} were not acknowledged any more`)

  const { result } = await settle(world)
  t.same(result.violations, [], 'with a sound disk, everything that was acknowledged is there')
  t.equal((await readLedger(world.ledgerPath)).length, result.messages.acknowledged, 'and the rest is sent again')
})
