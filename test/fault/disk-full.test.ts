// Goal: on a full disk nothing is acknowledged that isn't durable, the process lives and says that it isn't ready; with room again it goes on by itself.
// Method: the data folder is a small file system of its own, which a file beside the stores fills up under load, several times.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { audit } from './harness/audit.ts'
import { stopProduct, whenReady } from './harness/product.ts'
import { mountSmallDisk, needsMount } from './harness/small-disk.ts'
import { until } from './harness/until.ts'
import { openFaultWorld } from './harness/world.ts'

const MOUNT = join(tmpdir(), `millrace-disk-${process.pid}`)
const DISK_MIB = 128
const ROUNDS = 3
const MESSAGES_PER_ROUND = 300
const WAIT_MS_MAX = 60_000
/** Acknowledgements have come to an end when none has come for this long. */
const SILENCE_MS = 1_000

t.test('a full disk', { skip: needsMount(MOUNT) }, async (t) => {
  const seed = Date.now() % 2 ** 31
  t.comment(`seed ${seed}`)
  // Not below t.testdir(), which is removed before the disk is unmounted.
  const disk = mountSmallDisk(t, MOUNT, DISK_MIB)
  let lastAckMs = performance.now()
  const world = await openFaultWorld({
    folder: t.testdir(),
    dataFolder: join(disk.folder, 'data'),
    seed,
    onAcked() {
      lastAckMs = performance.now()
    },
  })
  t.teardown(world.abandon)
  const { apiUrl } = await whenReady(world.first)
  const readiness = async () => (await fetch(`${apiUrl}/readyz`)).status
  const isAlive = (): boolean => world.first.child.exitCode === null && world.first.child.signalCode === null

  for (let round = 1; round <= ROUNDS; round++) {
    const before = world.counts().acked
    await until('messages are acknowledged', WAIT_MS_MAX, () =>
      world.counts().acked >= before + MESSAGES_PER_ROUND ? true : undefined,
    )
    t.equal(await readiness(), 200, `round ${round}: with room, it is ready`)

    // Stores make some room by themselves, when they tidy up; that is taken as well.
    await until('acknowledgements end and it says that it is not ready', WAIT_MS_MAX, async () => {
      disk.fill()
      return performance.now() - lastAckMs > SILENCE_MS && (await readiness()) === 503 ? true : undefined
    })
    const { acked, waiting } = world.counts()
    t.ok(isAlive(), `round ${round}: full, it lives\n${isAlive() ? '' : world.first.stderr()}`)
    t.equal((await fetch(`${apiUrl}/healthz`)).status, 200, 'and says that it turns')
    t.ok(waiting > 0, `${waiting} messages wait for their acknowledgement`)

    disk.free()
    await until('messages are acknowledged again', WAIT_MS_MAX, () => (world.counts().acked > acked ? true : undefined))
    await until('it is ready again', WAIT_MS_MAX, async () => ((await readiness()) === 200 ? true : undefined))
  }

  for (const gateway of world.gateways) gateway.finish()
  await until('every message is acknowledged', WAIT_MS_MAX, () => (world.counts().waiting === 0 ? true : undefined))
  await world.close()
  const { violations, messages } = await audit({ ...world, apiUrl })
  t.same(violations, [], `nothing of ${messages.acknowledged} messages is lost`)
  t.equal(messages.unknown, 0)
  t.same(await stopProduct(world.first), { exitCode: 0, signal: null }, 'without a restart in between')
})
