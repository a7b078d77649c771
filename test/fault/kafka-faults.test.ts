// Goal: a broker that hangs costs time and nothing else: what is appended is refused in bounded time and memory, nothing that was
// acknowledged is lost, and all goes on by itself once the broker does.
// Method: a real broker of this test's own, stopped by SIGSTOP, so that its connections stay open and say nothing.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import type { KafkaLog } from '../../platform/adapters/kafka/open.ts'
import type { Consumer, Ownership } from '../../platform/ports/event-log.ts'
import { startKafka } from '../../scripts/services/kafka.ts'
import { order, pollMany, text } from '../contract/event-log/implementations.ts'
import { appendMany, numbers, openLog } from '../contract/kafka/open-log.ts'
import { needsService } from '../services.ts'

/** Requests time out after 6 s, and are tried again four times; what waits behind that one fails with it. */
const GIVE_UP_MS_MAX = 45_000
const RECOVER_MS_MAX = 30_000
const CLOSE_MS_MAX = 60_000
/** Shorter than the time-out of a request, so that only the watchdog can have noticed. */
const WATCHDOG_MS = 3_000
/** Of a member. */
const SESSION_TIMEOUT_MS = 6_000
const BUFFERED_RECORDS_MAX = 20_000
const MIB = 1_048_576
/** Of what is still held after a collection, from when all that may wait does. */
const GROWTH_BYTES_MAX = 20 * MIB
const FULL_AFTER_MS = 10_000

t.setTimeout(290_000)

const warnings: Error[] = []
process.on('warning', (warning) => warnings.push(warning))

t.test('a broker that hangs', { skip: needsService('kafka') }, async (t) => {
  const broker = await startOwn(t)
  const bound = { watchdogMs: WATCHDOG_MS, bufferedRecordsMax: BUFFERED_RECORDS_MAX }
  const { log, lines } = await openLog(t, { brokers: [broker.brokers], ...bound })
  const consumer = await log.join('group', ['orders'])
  await appendMany(log, numbers(10))
  await pollMany(consumer, 10, () => consumer.commit())

  broker.child.kill('SIGSTOP')
  const stopped = await hammer(log, GIVE_UP_MS_MAX + 10_000)
  t.same([...stopped.codes], ['event-log.unavailable'], 'nothing is promised')
  t.equal(stopped.acknowledged, 0)
  t.ok(stopped.longestMs < GIVE_UP_MS_MAX, `each is told in bounded time: ${stopped.longestMs} ms at the most`)
  t.ok(stopped.mostWaiting <= BUFFERED_RECORDS_MAX, `${stopped.mostWaiting} waited at the most`)
  t.ok(stopped.growthBytes < GROWTH_BYTES_MAX, `and memory is flat: ${Math.round(stopped.growthBytes / MIB)} MiB more`)
  const stalls = lines.filter(({ msg }) => msg === 'A member of the consumer group stalls.')
  t.ok(stalls.length > 0, 'the watchdog noticed')

  broker.child.kill('SIGCONT')
  const healedMs = performance.now()
  const acknowledged = await appendUntilTaken(log, 100)
  t.ok(performance.now() - healedMs < RECOVER_MS_MAX, 'it is taken again')
  await readAll(consumer, acknowledged)
  t.ok(performance.now() - healedMs < 2 * RECOVER_MS_MAX, 'and all that was acknowledged is read, by the same consumer')
  t.same(
    warnings.map(({ name }) => name),
    [],
    'without a warning of the runtime, such as of negative time-outs',
  )

  broker.child.kill('SIGSTOP')
  const closingMs = performance.now()
  await log.close()
  const tookMs = Math.round(performance.now() - closingMs)
  t.ok(tookMs < CLOSE_MS_MAX, `and it can be left while it hangs: ${tookMs} ms`)
})

t.test('a member that has heard nothing of its group is not taken for an owner', { skip: needsService('kafka') }, async (t) => {
  const broker = await startOwn(t)
  const { log } = await openLog(t, { brokers: [broker.brokers] })
  const consumer = await log.join('group', ['orders'])
  await appendMany(log, numbers(1))
  await pollMany(consumer, 1)
  const before = consumer.ownership()
  before.assertOwner()
  const saysOf = (ownership: Ownership): unknown => {
    try {
      ownership.assertOwner()
      return 'owner'
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code
    }
  }

  broker.child.kill('SIGSTOP')
  const startMs = performance.now()
  while (saysOf(before) === 'owner') await setTimeout(50)
  const tookMs = Math.round(performance.now() - startMs)
  t.equal(saysOf(before), 'event-log.unavailable', 'it can not be known')
  t.ok(tookMs < SESSION_TIMEOUT_MS, `before the group can have given it up: after ${tookMs} ms`)

  broker.child.kill('SIGCONT')
  const healed = performance.now()
  while (saysOf(consumer.ownership()) !== 'owner' || consumer.ownership().places.length === 0) {
    if (performance.now() - healed > RECOVER_MS_MAX) throw new Error('It never is an owner again.')
    await setTimeout(50)
  }
  t.ok(
    ['owner', 'event-log.not-owner'].includes(String(saysOf(before))),
    'what it had is either still its own, or known to be lost',
  )
})

async function startOwn(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'))
  const broker = await startKafka(folder)
  t.teardown(async () => {
    broker.child.kill('SIGCONT')
    await broker.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return broker
}

/** Appends as fast as it is let, for a while, and waits until every one is settled. */
async function hammer(log: KafkaLog, forMs: number) {
  const found = { codes: new Set<unknown>(), acknowledged: 0, longestMs: 0, mostWaiting: 0, growthBytes: 0 }
  const startMs = performance.now()
  let before = 0
  const value = 'x'.repeat(150)
  let waiting = 0

  async function append(key: string): Promise<void> {
    const sinceMs = performance.now()
    try {
      waiting++
      await log.append([order(key, value)])
      found.acknowledged++
    } catch (error) {
      found.codes.add(error instanceof Error && 'code' in error ? error.code : error)
    } finally {
      waiting--
      found.longestMs = Math.max(found.longestMs, Math.round(performance.now() - sinceMs))
    }
  }

  while (performance.now() - startMs < forMs) {
    for (const key of numbers(1_000)) void append(key)
    await setTimeout(20)
    if (before === 0 && performance.now() - startMs > FULL_AFTER_MS) before = heldBytes()
    found.mostWaiting = Math.max(found.mostWaiting, waiting)
  }
  found.growthBytes = heldBytes() - before
  while (waiting > 0) await setTimeout(50)
  return found
}

function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  // The first one only marks buffers for the second one to free.
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** @returns what was acknowledged; a refusal may be there or not, so it is tried under another name. */
async function appendUntilTaken(log: KafkaLog, count: number): Promise<ReadonlySet<string>> {
  const acknowledged = new Set<string>()
  for (let tried = 0; acknowledged.size < count; tried++) {
    try {
      await log.append([order(`key-${tried}`, `again-${tried}`)])
      acknowledged.add(`again-${tried}`)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'event-log.unavailable')) throw error
    }
  }
  return acknowledged
}

async function readAll(consumer: Consumer, wanted: ReadonlySet<string>): Promise<void> {
  const missing = new Set(wanted)
  while (missing.size > 0) {
    for (const { value } of await pollMany(consumer, 1)) missing.delete(text(value))
    await consumer.commit().catch((error: { code?: string }) => {
      if (error.code !== 'event-log.not-owner') throw error
    })
  }
}
