// Goal: whatever its members do, a consumer group gets every record, in order within its partition, and commits none that it wasn't given.
// Method: appends, polls, commits, joins, leaves and restarts of the log in random order, on a real log; a model watches from outside.
import t, { type Test } from 'tap'
import { openSqliteLog, type SqliteLog } from '../../platform/adapters/sqlite/log/open.ts'
import type { Consumer, LogRecord } from '../../platform/ports/event-log.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { partitionOf } from '../../platform/runtime/partition.ts'
import { createGroupModel } from './sqlite-log/group-model.ts'
import { createRandom, logOptions, never, until } from './sqlite-log/open-log.ts'

const PARTITIONS = 4
const RUNS = 8
const STEPS = 250
const MEMBERS_MAX = 4
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)

/** A poll that comes back also when there is nothing: it is ended once the log has certainly answered. */
async function pollNow(log: SqliteLog, consumer: Consumer, recordsMax: number): Promise<readonly LogRecord[]> {
  const stop = new AbortController()
  const polled = consumer.poll({ recordsMax, bytesMax: 2_000 }, stop.signal)
  await log.ping()
  stop.abort()
  return polled
}

function createWorld(folder: string, random: () => number) {
  const model = createGroupModel(PARTITIONS)
  const members: { readonly id: number; readonly consumer: Consumer }[] = []
  let log: SqliteLog
  let value = 0
  const below = (max: number): number => Math.floor(random() * max)

  const actions = {
    async append() {
      const records = Array.from({ length: 1 + below(6) }, () => ({
        key: `key-${below(9)}`,
        value: `${value++} ${'x'.repeat(below(90))}`,
      }))
      await log.append(records.map((one) => ({ ...one, topic: 'orders', value: Buffer.from(one.value) })))
      for (const one of records) model.appended(partitionOf(one.key, PARTITIONS), one.key, one.value)
    },
    async poll() {
      const member = members[below(members.length)]
      if (member !== undefined) model.polled(member.id, await pollNow(log, member.consumer, 1 + below(12)))
    },
    async commit() {
      const member = members[below(members.length)]
      if (member === undefined) return
      const isDone = await member.consumer.commit().then(
        () => true,
        (error) => !(error instanceof MillraceError && error.code === 'event-log.not-owner'),
      )
      model.commitEnded(member.id, isDone)
    },
    async join() {
      if (members.length < MEMBERS_MAX) members.push({ consumer: await log.join('group', ['orders']), id: model.joined() })
    },
    async leave() {
      const [member] = members.splice(below(members.length), 1)
      if (member === undefined) return
      await member.consumer.close()
      model.left(member.id)
    },
    async reopen() {
      await log.close()
      log = await openSqliteLog(logOptions(folder))
      members.length = 0
      model.reopened()
    },
  }
  const chances = { append: 30, poll: 35, commit: 22, join: 7, leave: 5, reopen: 1 } as const
  const deck = [...actionNames].flatMap((name) => Array.from({ length: chances[name] }, () => name))

  return {
    model,
    async open() {
      log = await openSqliteLog(logOptions(folder))
    },
    step: () => actions[deck[below(deck.length)] ?? 'poll'](),
    checkLag: async () => model.checkLag(await log.lag('group', 'orders')),
    /** One member alone gets the rest. */
    async finish() {
      while (members.length > 0) await actions.leave()
      await actions.join()
      const isBehind = () => model.committed.reduce((sum, offset) => sum + offset, 0) < model.total()
      while (isBehind()) {
        await actions.poll()
        await actions.commit()
      }
      await log.close()
    },
  }
}

const actionNames = ['append', 'poll', 'commit', 'join', 'leave', 'reopen'] as const

async function live(t: Test, run: number): Promise<void> {
  const world = createWorld(t.testdir(), createRandom(seed + run))
  await world.open()
  for (let index = 0; index < STEPS; index++) {
    await world.step()
    if (index % 10 === 0) await world.checkLag()
  }
  await world.finish()
  t.same(world.model.wrongs.slice(0, 5), [])
  t.ok(world.model.total() > 50, `${world.model.total()} records were appended`)
}

for (let run = 0; run < RUNS; run++) {
  t.test(`a group misses nothing, run ${run} (seed ${seed})`, (t) => live(t, run))
}

t.test('members that poll at the same time share what comes, each record once, and every one is committed', async (t) => {
  const log = await openSqliteLog(logOptions(t.testdir()))
  t.teardown(() => log.close())
  const stop = new AbortController()
  const seen: string[] = []
  const consumers = await Promise.all([1, 2, 3].map(() => log.join('group', ['orders'])))
  const loops = consumers.map(async (consumer) => {
    while (!stop.signal.aborted) {
      const records = await consumer.poll({ recordsMax: 10, bytesMax: 10_000 }, stop.signal)
      await consumer.commit()
      for (const { partition, offset } of records) seen.push(`${partition}/${offset}`)
    }
  })
  for (let index = 0; index < 500; index++)
    await log.append([{ topic: 'orders', key: `key-${index % 20}`, value: Buffer.from(String(index)) }])
  await until(async () => (await log.lag('group', 'orders')).every(({ records }) => records === 0))
  stop.abort()
  await Promise.all(loops)
  t.equal(seen.length, 500)
  t.equal(new Set(seen).size, 500)
})

t.test('a consumer that was closed gives its place up, and its commit is refused', async (t) => {
  const log = await openSqliteLog(logOptions(t.testdir()))
  t.teardown(() => log.close())
  await log.append([{ topic: 'single', key: 'k', value: Buffer.from('a') }])
  const consumer = await log.join('group', ['single'])
  t.equal((await consumer.poll({ recordsMax: 9, bytesMax: 99 }, never)).length, 1)
  await consumer.close()
  await t.rejects(consumer.commit(), { code: 'event-log.not-owner' })
  await consumer.close()
  t.match(await log.lag('group', 'single'), [{ committed: 0, records: 1 }])
  await t.rejects(log.join('group', ['absent']), /no topic absent/)
  const heir = await log.join('group', ['single'])
  t.equal((await heir.poll({ recordsMax: 9, bytesMax: 99 }, never)).length, 1)
})
