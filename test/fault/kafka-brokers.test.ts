// Goal: with three brokers, one may die at any moment: nothing that was acknowledged is lost, nothing is passed over, and all goes on within half a
// minute. When two are dead nothing is acknowledged, and whoever asks is told why.
// Method: three real brokers, killed by SIGKILL in the middle of appending and reading: who leads a partition, and who keeps the group's offsets.
import t, { type Test } from 'tap'
import { fix } from '../../operate/up/fix.ts'
import type { KafkaLog } from '../../platform/adapters/kafka/open.ts'
import type { ClusterBroker } from '../../scripts/services/kafka.ts'
import { order, text } from '../contract/event-log/implementations.ts'
import { openLog } from '../contract/kafka/open-log.ts'
import { needsService } from '../services.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { type Cluster, startCluster } from './brokers/cluster.ts'
import { type Consuming, type Producing, startConsuming, startProducing } from './brokers/traffic.ts'

t.setTimeout(400_000)
const PROGRESS_MS_MAX = 30_000
const COPIES = 3
/** Appended before and after the kill. */
const MORE = 400
/** A request is tried five times, for 6 s each at the most; what waited behind it is refused with it. */
const REFUSED_MS_MAX = 45_000
const everything = { recordsMax: 1_000, bytesMax: 8 * 1_048_576 }

t.test('three brokers', { skip: needsService('kafka') }, async (t) => {
  const cluster = await startCluster(t)

  await t.test('doctor --fix makes three copies there, of which two must have a message', async (t) => {
    const environment = { MILLRACE_KAFKA_BROKERS: cluster.brokers.join(','), MILLRACE_KAFKA_TOPIC_PREFIX: 'fix.' }
    const made = { state: 'ok', found: /^made, \d+ partitions, 3 copies$/ }
    t.match(await fix(environment), [made, made, made, made])
    t.match(await fix({ ...environment, MILLRACE_KAFKA_REPLICATION_FACTOR: '2' }), [
      { state: 'warn', found: 'replication.factor is 3, not 2' },
    ])
  })

  await t.test('fewer copies in sync than a topic asks for: nothing is acknowledged, and it is said why', async (t) => {
    const { log, connection } = await openLog(t, { brokers: cluster.brokers }, COPIES)
    const topic = `${connection.topicPrefix}orders`
    await cluster.demandInSync(topic, COPIES)
    await log.append([order('key', 'all three have it')])
    const victim = await cluster.leaderOf(topic, 0)
    victim.child.kill('SIGKILL')
    await t.rejects(untilRefusedForGood(log), {
      message: /Fewer copies are in sync than min\.insync\.replicas.*Start the brokers that are down/,
    })
    await victim.startAgain()
    await cluster.untilInSync(topic)
    await t.resolves(log.append([order('key', 'and again')]))
  })

  const { log, connection } = await openLog(t, { brokers: cluster.brokers }, COPIES)
  const topic = `${connection.topicPrefix}orders`
  const consuming = startConsuming(await log.join('group', ['orders']))
  const world = { cluster, log, topic, consuming }
  const victims = {
    'who leads a partition': () => cluster.leaderOf(topic, 0),
    "who keeps the group's offsets": () => cluster.coordinatorOf(`${connection.topicPrefix}group`),
  }
  for (const [who, find] of Object.entries(victims))
    await t.test(`one dies: ${who}`, (t) => survive(t, world, { name: who.split(' ')[1] ?? who, find }))
  await t.test('two die', (t) => refuse(t, world))
  await consuming.stop()
})

interface World {
  readonly cluster: Cluster
  readonly log: KafkaLog
  readonly topic: string
  readonly consuming: Consuming
}

interface Victim {
  readonly name: string
  find(): Promise<ClusterBroker>
}

async function survive(t: Test, { cluster, log, topic, consuming }: World, { name, find }: Victim): Promise<void> {
  const producing = startProducing(log, name)
  await until(() => producing.acknowledged.size > MORE)
  const victim = await find()
  victim.child.kill('SIGKILL')
  const killedMs = performance.now()
  const before = producing.acknowledged.size
  await until(() => producing.acknowledged.size > before + MORE)
  await untilSeen(producing, consuming)
  t.comment(
    `broker ${victim.id}: ${producing.longestGapMs()} ms without an acknowledgement, ${consuming.longestGapMs()} ms without a record, ${producing.refusals.size} kinds of refusal`,
  )
  t.ok(producing.longestGapMs() < PROGRESS_MS_MAX, 'it is acknowledged again within 30 s')
  t.ok(consuming.longestGapMs() < PROGRESS_MS_MAX, 'and read')
  t.ok(performance.now() - killedMs < 2 * PROGRESS_MS_MAX, 'all that was acknowledged by then')
  await victim.startAgain()
  await cluster.untilInSync(topic)
  await producing.stop()
  await untilSeen(producing, consuming)
  t.same(consuming.faults, [], 'no offset has two values, and none was passed over')
  await compareWithLog(t, { log, consuming, producing })
}

/** Until the cluster has noticed that one is gone, refusals say something else. @throws the first that speaks of copies; none of them is acknowledged. */
async function untilRefusedForGood(log: KafkaLog): Promise<void> {
  for (;;) {
    const error = await log.append([order('key', 'refused')]).then(
      () => new Error('acknowledged'),
      (found: Error) => found,
    )
    if (/copies|acknowledged/.test(error.message)) throw error
  }
}

/** Of what is acknowledged by now. */
async function untilSeen({ acknowledged }: Producing, consuming: Consuming): Promise<void> {
  const missing = new Set(acknowledged)
  await until(() => {
    for (const value of missing) if (consuming.has(value)) missing.delete(value)
    return missing.size === 0
  })
}

/** What the group got, each offset once, is what lies in the log. A value may lie there twice: the append was tried again. */
async function compareWithLog(
  t: Test,
  { log, consuming, producing }: { log: KafkaLog; consuming: Consuming; producing: Producing },
) {
  const held = new Map<string, string>()
  for (const { partition, nextOffset } of await log.partitions('orders'))
    for (let offset = 0; offset < nextOffset; ) {
      const records = await log.read({ topic: 'orders', partition, offset }, everything)
      for (const record of records) held.set(`${partition}/${record.offset}`, text(record.value))
      offset = (records.at(-1)?.offset ?? nextOffset) + 1
    }
  await until(() => consuming.seen.size >= held.size)
  t.same(consuming.seen, held, `${held.size} records, as they lie in the log`)
  const values = [...held.values()].filter((value) => producing.acknowledged.has(value))
  t.equal(new Set(values).size, producing.acknowledged.size, 'all that were acknowledged')
  t.comment(
    `${values.length - producing.acknowledged.size} of ${producing.acknowledged.size} lie there twice, because they were tried again`,
  )
}

async function refuse(t: Test, { cluster, log, topic, consuming }: World): Promise<void> {
  const producing = startProducing(log, 'two')
  await until(() => producing.acknowledged.size > MORE)
  const survivor = await cluster.leaderOf(topic, 0)
  const dead = cluster.others(survivor)
  for (const server of dead) server.child.kill('SIGKILL')
  const killedMs = performance.now()
  // What the two had confirmed may still be on its way.
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const before = producing.acknowledged.size
  await until(() => producing.refusals.size > 0)
  t.ok(performance.now() - killedMs < REFUSED_MS_MAX, `refused after ${Math.round(performance.now() - killedMs)} ms`)
  await until(() => performance.now() - killedMs > REFUSED_MS_MAX)
  t.equal(producing.acknowledged.size, before, 'nothing is acknowledged')
  for (const message of producing.refusals) t.comment(message)
  t.ok(
    [...producing.refusals].some((message) => /Start the brokers that are down|whether all brokers are up/.test(message)),
    'and the error says what to do',
  )
  await Promise.all(dead.map((server) => server.startAgain()))
  const healedMs = performance.now()
  await until(() => producing.acknowledged.size > before + MORE)
  t.ok(performance.now() - healedMs < PROGRESS_MS_MAX, `acknowledged again after ${Math.round(performance.now() - healedMs)} ms`)
  await cluster.untilInSync(topic)
  await producing.stop()
  await untilSeen(producing, consuming)
  t.same(consuming.faults, [])
  await compareWithLog(t, { log, consuming, producing })
}
