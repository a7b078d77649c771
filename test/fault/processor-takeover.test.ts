// Goal: two processors share the partitions, and when one of them is killed or hangs, the other stores its part within 10 s.
// Method: real servers, two `millrace process`, gateways that publish all the while; what is behind what the log held a second after the fault is asked of Kafka.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import t from 'tap'
import { needsService } from '../services.ts'
import { createRandom } from './harness/random.ts'
import { until } from './harness/until.ts'
import { startCluster } from './scale/cluster.ts'
import { startLoad } from './scale/load.ts'
import { readOffsets } from './scale/read-servers.ts'
import { startServers } from './scale/servers.ts'

const TAKEOVER_MS_MAX = 10_000
/** The group can't know sooner; a strike that missed would be passed over by this test. */
const NOTICED_MS_MIN = 3_000
const SETTLE_MS_MAX = 30_000
const services = ['kafka', 'influx', 'postgres', 'toxiproxy'] as const

t.setTimeout(240_000)

t.test(
  'a processor takes over from another',
  { skip: services.map(needsService).find((reason) => reason !== false) ?? false },
  async (t) => {
    const seed = Date.now() % 2 ** 31
    const folder = await mkdtemp('/tmp/millrace-takeover-')
    await chmod(folder, 0o755)
    const servers = await startServers(join(folder, 'servers'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    t.teardown(() => servers.stop())
    const cluster = await startCluster(join(folder, 'cluster'), servers, { listeners: 1, processors: 2 })
    t.teardown(() => cluster.stop())
    const random = createRandom(seed, 'takeover')
    const plan = { folder, seed, random, ports: cluster.ingestPorts, gatewaysPerTenant: 8, paceMs: 50 }
    const load = await startLoad(cluster, plan)
    t.teardown(() => load.ledger.close())
    t.teardown(() => {
      for (const gateway of load.gateways) gateway.close()
    })

    const ofStore = async () => (await readOffsets(servers.kafka.brokers)).filter(({ group }) => group === 'millrace.store')
    /** Until all that the log holds now is stored. */
    async function untilStored(): Promise<void> {
      const ends = new Map((await ofStore()).map(({ partition, end }) => [partition, end]))
      await until('all of it is stored', SETTLE_MS_MAX, async () =>
        (await ofStore()).every(({ partition, committed }) => committed >= (ends.get(partition) ?? 0)) ? true : undefined,
      )
    }

    const admin = new Kafka({ brokers: [servers.kafka.brokers], clientId: 'test', logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    t.teardown(() => admin.disconnect())
    async function untilShared(): Promise<void> {
      await until('both are members', SETTLE_MS_MAX, async () => {
        const { groups } = await admin.describeGroups(['millrace.store'])
        return groups[0]?.state === 'Stable' && groups[0].members.length === 2 ? true : undefined
      })
    }

    await until('every partition has been read', SETTLE_MS_MAX, async () => ((await ofStore()).length === 4 ? true : undefined))
    const [hanging, dying] = cluster.members.filter(({ role }) => role === 'process')
    if (hanging === undefined || dying === undefined) throw new Error('There are two.')
    async function measure(what: string, strike: () => Promise<void> | void): Promise<void> {
      await untilShared()
      await untilStored()
      const startMs = performance.now()
      await strike()
      await setTimeout(1_000)
      await untilStored()
      const tookMs = Math.round(performance.now() - startMs)
      t.comment(`${what}: ${tookMs} ms`)
      t.ok(tookMs > NOTICED_MS_MIN && tookMs < TAKEOVER_MS_MAX, `${what}: ${tookMs} ms`)
    }

    await measure('one hangs', () => hanging.kill('SIGSTOP'))
    hanging.kill('SIGCONT')
    await measure('one dies', () => dying.killForGood())
    t.ok(load.acked() > 100, `${load.acked()} messages`)
  },
)
