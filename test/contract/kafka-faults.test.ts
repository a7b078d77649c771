// Goal: the event log on Kafka loses nothing and goes on by itself when a consumer dies, a broker hangs, or a member of a group stalls.
// Method: a real broker, of this test's own where it is stopped, and a consumer in a process that is killed.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { ensureKafkaTopics, type KafkaLog, openKafkaLog } from '../../platform/adapters/kafka/open.ts'
import { startKafka } from '../../scripts/services/kafka.ts'
import { createReadableLog } from '../flow/listener/log-lines.ts'
import { needsService, openKafka } from '../services.ts'
import { DAY_MS, order, pollMany, text } from './event-log/implementations.ts'

const TAKEOVER_MS_MAX = 10_000
/** Requests time out after 6 s, and are tried again four times. */
const GIVE_UP_MS_MAX = 45_000
/** Of the whole file. */
const TEST_TIMEOUT_MS = 240_000
const PROGRAM = fileURLToPath(new URL('./kafka/consumer-program.ts', import.meta.url))

t.setTimeout(TEST_TIMEOUT_MS)

async function openLog(t: Test, brokers: string, watchdogMs?: number) {
  const { log, lines } = createReadableLog()
  const topicPrefix = `${randomBytes(8).toString('hex')}.`
  const connection = { brokers: [brokers], clientId: 'faults', topicPrefix }
  const topics = [{ name: 'orders', partitions: 4, retentionMs: DAY_MS }]
  const report = await ensureKafkaTopics(connection, topics, { replicationFactor: 1, log })
  const options = { ...connection, topics: ['orders'], lingerMs: 1, compression: 'none', log } as const
  const opened = await openKafkaLog({ ...options, ...(watchdogMs !== undefined && { watchdogMs }) })
  t.teardown(() => opened.close())
  return { log: opened, lines, connection, topicPrefix, topics, report }
}

const appendMany = (log: KafkaLog, count: number) =>
  Promise.all(Array.from({ length: count }, (_, index) => log.append([order(`key-${index}`, String(index))])))

t.test('topics', { skip: needsService('kafka') }, async (t) => {
  const { brokers } = await openKafka()
  const { connection, topics, report } = await openLog(t, brokers)
  const { log } = createReadableLog()
  t.same(
    report.map(({ state }) => state),
    ['made', 'made'],
    'are made once',
  )
  const more = [{ ...topics[0], name: 'orders', partitions: 8, retentionMs: DAY_MS }]
  t.match(
    await ensureKafkaTopics(connection, more, { replicationFactor: 1, log }),
    [{ name: 'orders', state: 'other-partitions', partitions: 4 }, { state: 'there' }],
    'one that is there keeps its partitions, and that is said',
  )
  const options = { ...connection, topics: ['absent'], lingerMs: 1, compression: 'none', log } as const
  await t.rejects(openKafkaLog(options), { code: 'event-log.unavailable', message: /absent.*doctor --fix/ })
})

t.test('a consumer that is killed', { skip: needsService('kafka') }, async (t) => {
  const { brokers } = await openKafka()
  const { log, topicPrefix } = await openLog(t, brokers)
  await appendMany(log, 100)
  const child = spawn(process.execPath, [PROGRAM, brokers, topicPrefix], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  for await (const chunk of child.stdout) if (String(chunk).includes('polled')) break

  child.kill('SIGKILL')
  await once(child, 'exit')
  const startMs = performance.now()
  const heir = await log.join('group', ['orders'])
  const records = await pollMany(heir, 100, () => heir.commit())
  const tookMs = Math.round(performance.now() - startMs)
  t.equal(new Set(records.map(({ value }) => text(value))).size, 100, 'its uncommitted records are read by another')
  t.ok(tookMs < TAKEOVER_MS_MAX, `within ten seconds: ${tookMs} ms`)
})

t.test('a broker that hangs', { skip: needsService('kafka') }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'))
  const broker = await startKafka(folder)
  t.teardown(async () => {
    broker.child.kill('SIGCONT')
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const { log, lines } = await openLog(t, broker.brokers, 8_000)
  const consumer = await log.join('group', ['orders'])
  await appendMany(log, 10)
  await pollMany(consumer, 10, () => consumer.commit())

  broker.child.kill('SIGSTOP')
  const startMs = performance.now()
  await t.rejects(appendMany(log, 10), { code: 'event-log.unavailable' }, 'nothing is promised')
  const tookMs = Math.round(performance.now() - startMs)
  t.ok(tookMs < GIVE_UP_MS_MAX, `and it is said in bounded time: ${tookMs} ms`)
  t.match(
    lines.filter(({ msg }) => /takes its place/.test(msg)),
    [{}],
    'the member that heard nothing is replaced',
  )

  broker.child.kill('SIGCONT')
  const values = new Set<string>()
  // What was refused may be there or not; what is promised from now on must be, once the broker has come to itself.
  await t.resolves(appendUntilTaken(log), 'it is taken again')
  while (!values.has('again'))
    for (const { value } of await pollMany(consumer, 1, () => consumer.commit().catch(() => undefined))) values.add(text(value))
  t.ok(values.has('again'), 'and read, without any help')
})

async function appendUntilTaken(log: KafkaLog): Promise<void> {
  for (;;) {
    try {
      return await log.append([order('key', 'again')])
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'event-log.unavailable')) throw error
    }
  }
}
