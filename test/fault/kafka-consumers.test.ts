// Goal: consumers of a group on Kafka take over from each other, whatever becomes of one of them, and pass nothing over.
// Method: a real broker; consumers of several clients, and one in a process that is killed or stopped.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { KafkaLog } from '../../platform/adapters/kafka/open.ts'
import type { Consumer, LogRecord } from '../../platform/ports/event-log.ts'
import { limit, never, PARTITIONS, text } from '../contract/event-log/implementations.ts'
import { appendMany, numbers, openLog } from '../contract/kafka/open-log.ts'
import { needsService, openKafka } from '../services.ts'

const TAKEOVER_MS_MAX = 10_000
/** Longer than a member may be silent. */
const SLOW_MS = 8_000
const PROGRAM = fileURLToPath(new URL('../contract/kafka/consumer-program.ts', import.meta.url))

t.setTimeout(240_000)

t.test('Kafka', { skip: needsService('kafka') }, async (t) => {
  const { brokers } = await openKafka()
  const address = { brokers: brokers.split(',') }

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    t.test(`hands over the partitions of a consumer's process within ten seconds of ${signal}`, async (t) => {
      const { log, connection } = await openLog(t, address)
      const heir = await log.join('group', ['orders'])
      const child = startConsumer(t, brokers, connection.topicPrefix)
      const values = seenBy(heir)
      // Until both of them have had something, the partitions are not shared.
      const warm = appendUntil(log, () => child.seen.size > 0 && values.size > 0)
      await warm
      child.process.kill(signal)
      if (signal === 'SIGKILL') await once(child.process, 'exit')
      const startMs = performance.now()
      await appendMany(log, numbers(40, 'after-'))
      const isThere = () => numbers(40, 'after-').every((value) => values.has(value))
      while (!isThere()) await setTimeout(50)
      const tookMs = Math.round(performance.now() - startMs)
      t.ok(tookMs < TAKEOVER_MS_MAX, `after ${tookMs} ms the other one has all of it`)
    })
  }

  t.test('keeps the partitions of a slow sink, fetches no more than it has room for, and passes nothing over', async (t) => {
    const { log, connection } = await openLog(t, { ...address, compression: 'gzip' })
    const { log: another } = await openLog(t, connection)
    const padded = numbers(1_200).map((value) => value.padEnd(65_536))
    await appendMany(log, padded)
    const slow = await log.join('group', ['orders'])
    const first = await slow.poll(limit, never)
    await setTimeout(SLOW_MS)
    await slow.commit()
    t.pass('what it was slow with is committed')

    // Partitions that were paused for want of room are dealt out anew, and with them what was fetched is dropped.
    await setTimeout(2_000)
    const other = await another.join('group', ['orders'])
    await other.close()
    const seen = new Set(first.map(({ value }) => text(value).trimEnd()))
    await readUntil(
      slow,
      () => seen.size === padded.length,
      (records) => {
        for (const { value } of records) seen.add(text(value).trimEnd())
      },
    )
    t.equal(seen.size, padded.length, 'all of it was read')
    const lags = (await log.lag('group', 'orders')).map(({ records }) => records)
    t.same(lags, Array(PARTITIONS).fill(0))
  })

  t.test('loses nothing, and repeats nothing that was committed, while consumers come and go', async (t) => {
    const { log, connection } = await openLog(t, address)
    const { log: another } = await openLog(t, connection)
    const total = 6_000
    const committed = new Map<string, number>()
    const furthest = Array<number>(PARTITIONS).fill(0)
    let back = 0
    const isDone = () => committed.size === total
    const read = (consumer: Consumer, isOver: () => boolean) =>
      readUntil(consumer, isOver, (records) => {
        for (const { value } of records) committed.set(text(value), (committed.get(text(value)) ?? 0) + 1)
      })

    const appending = (async () => {
      for (let index = 0; index < total; index += 100)
        await Promise.all([
          appendMany(
            log,
            numbers(100).map((_, place) => String(index + place)),
          ),
          setTimeout(150),
        ])
    })()
    const watching = (async () => {
      while (!isDone()) {
        for (const { partition, committed: offset } of await log.lag('group', 'orders')) {
          if (offset < (furthest[partition] ?? 0)) back++
          furthest[partition] = offset
        }
        await setTimeout(100)
      }
    })()
    const staying = read(await log.join('group', ['orders']), isDone)
    for (let visit = 0; visit < 4; visit++) {
      const guest = await another.join('group', ['orders'])
      const leavesAtMs = performance.now() + 1_200
      await read(guest, () => performance.now() > leavesAtMs)
      await guest.close()
    }
    await Promise.all([appending, staying, watching])
    t.equal(committed.size, total, 'every record was read and committed')
    t.same(
      [...committed].filter(([, times]) => times > 1),
      [],
      'none that was committed came again',
    )
    t.equal(back, 0, 'no offset went back')
  })

  t.test('a poll on a consumer that is closed is told so', async (t) => {
    const { log } = await openLog(t, address)
    const consumer = await log.join('group', ['orders'])
    const told = t.rejects(consumer.poll(limit, never), { code: 'event-log.unavailable', message: /closed/ })
    await consumer.close()
    await told
  })
})

function startConsumer(t: Test, brokers: string, topicPrefix: string): { process: ChildProcess; seen: ReadonlySet<string> } {
  const child = spawn(process.execPath, [PROGRAM, brokers, topicPrefix], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const seen = new Set<string>()
  createInterface({ input: child.stdout }).on('line', (line) => seen.add(line))
  return { process: child, seen }
}

async function appendUntil(log: KafkaLog, isEnough: () => boolean): Promise<void> {
  for (let round = 0; !isEnough(); round++) await Promise.all([appendMany(log, numbers(40, `warm-${round}-`)), setTimeout(200)])
}

/** Reads and commits in the background, for as long as the test goes. */
function seenBy(consumer: Consumer): ReadonlySet<string> {
  const seen = new Set<string>()
  void readUntil(
    consumer,
    () => false,
    (records) => {
      for (const { value } of records) seen.add(text(value))
    },
  ).catch(() => undefined)
  return seen
}

/** Reads and commits until then; what could not be committed comes again, and doesn't count. */
async function readUntil(
  consumer: Consumer,
  isOver: () => boolean,
  committed: (records: readonly LogRecord[]) => void,
): Promise<void> {
  while (!isOver()) {
    const records = await consumer.poll(limit, AbortSignal.timeout(200))
    try {
      await consumer.commit()
      committed(records)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'event-log.not-owner')) throw error
    }
  }
}
