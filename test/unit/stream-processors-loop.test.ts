// Goal: the loop commits what is done and nothing else, waits for stores without end, and stops within a second whatever it is doing.
// Method: a real log; what a store would do, the process function does. Only a log that fails by itself is a wrapper around the real one.
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Consumer } from '../../platform/ports/event-log.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { type LoopOptions, type Process, runLoop } from '../../stream-processors/loop.ts'
import { never, openLog, single, text, until } from './sqlite-log/open-log.ts'

const quiet = createLogger({ level: 'silent', part: 'test', isPretty: false })
const away = () => new MillraceError('time-series.unavailable', 'The store is away.')
const STOP_MS_MAX = 1_500

async function openLoop(
  t: Test,
  process: Process,
  changes: Partial<LoopOptions> & { through?: (real: Consumer) => Consumer } = {},
) {
  const log = await openLog(t)
  const real = await log.join('group', ['single'])
  const consumer = changes.through?.(real) ?? real
  const stop = new AbortController()
  const counts = { batches: 0, records: 0, retries: 0 }
  const loop = runLoop(
    {
      name: { processor: 'store', cell: 'main' },
      consumer,
      process,
      limit: { recordsMax: 10, bytesMax: 10_000 },
      gatherMs: 0,
      log: quiet,
      onBatch(records) {
        counts.batches++
        counts.records += records
      },
      onRetry: () => counts.retries++,
      ...changes,
    },
    stop.signal,
  )
  loop.catch(() => undefined)
  t.teardown(() => stop.abort())
  const committed = async (): Promise<number> => (await log.lag('group', 'single'))[0]?.committed ?? 0
  /** @returns how long the loop took to end, in milliseconds. */
  async function end(): Promise<number> {
    const startMs = performance.now()
    stop.abort()
    await loop
    return performance.now() - startMs
  }
  return { log, loop, counts, committed, end, append: (...values: readonly string[]) => log.append(values.map(single)) }
}

t.test('commits a batch only after it is processed', async (t) => {
  const gate = Promise.withResolvers<void>()
  const seen: string[] = []
  const { append, committed, counts, end } = await openLoop(t, async (records) => {
    seen.push(...records.map(({ value }) => text(value)))
    await gate.promise
  })
  await append('a', 'b')
  await until(() => seen.length === 2)
  t.equal(await committed(), 0)
  gate.resolve()
  await until(async () => (await committed()) === 2)
  await append('c')
  await until(async () => (await committed()) === 3)
  await end()
  t.same(seen, ['a', 'b', 'c'])
  t.same(counts, { batches: 2, records: 3, retries: 0 })
})

t.test('a store that is away is waited for, longer each time, with the same batch', async (t) => {
  const times: number[] = []
  const batches: string[] = []
  const { append, committed, counts, end } = await openLoop(t, async (records) => {
    times.push(performance.now())
    batches.push(records.map(({ value }) => text(value)).join())
    if (times.length < 5) {
      t.equal(await committed(), 0)
      throw away()
    }
  })
  await append('a', 'b')
  await until(async () => (await committed()) === 2)
  await end()
  t.same(new Set(batches), new Set(['a,b']))
  t.equal(counts.retries, 4)
  t.same(counts, { batches: 1, records: 2, retries: 4 })
})

t.test('a log that is away is waited for too, when it is read and when it is committed to', async (t) => {
  const failures = { poll: 2, commit: 2 }
  let processed = 0
  const fail = (what: keyof typeof failures): void => {
    if (failures[what]-- > 0) throw new MillraceError('event-log.unavailable', 'The log is away.')
  }
  const through = (real: Consumer): Consumer => ({
    ...real,
    async poll(limit, signal) {
      fail('poll')
      return real.poll(limit, signal)
    },
    async commit() {
      fail('commit')
      await real.commit()
    },
  })
  const { append, committed, counts, end } = await openLoop(t, async () => void processed++, { through })
  await append('a')
  await until(async () => (await committed()) === 1)
  await end()
  t.equal(processed, 1, 'what is done is not done again because the commit failed')
  t.equal(counts.retries, 4)
})

t.test('a batch whose partition went to another consumer is left to that one, and the loop goes on', async (t) => {
  let takeOver = async (): Promise<unknown> => undefined
  const { log, append, committed, counts, end } = await openLoop(t, () => takeOver().then(() => undefined))
  await append('a')
  await until(async () => (await committed()) === 1)
  takeOver = async () => {
    takeOver = async () => undefined
    const other = await log.join('group', ['single'])
    await other.close()
  }
  await append('b')
  await until(async () => (await committed()) === 2)
  await end()
  t.same(counts, { batches: 2, records: 2, retries: 0 }, 'the batch was read again, and counted once')
})

t.test('upkeep is done between batches, also when they never end, and what fails in it holds nothing up', async (t) => {
  const told: string[] = []
  const failures = [away()]
  const { append, committed, counts, end } = await openLoop(
    t,
    async () => {
      told.push('batch')
      await setTimeout(5)
      told.push('batch done')
    },
    {
      upkeepEveryMs: 20,
      async upkeep(owned, isMine) {
        const failure = failures.pop()
        if (failure !== undefined) throw failure
        told.push(`upkeep of ${owned.length}, ${isMine()}`)
        await setTimeout(5)
        told.push('upkeep done')
        return false
      },
    },
  )
  const done = (): number => told.filter((one) => one === 'upkeep done').length
  await until(() => done() >= 2)
  let sent = 0
  for (const before = done(); done() < before + 3; sent++) await append(String(sent))
  await until(async () => (await committed()) === sent)
  await end()
  t.ok(told.includes('upkeep of 1, true'), 'it knows the partition')
  for (const [index, one] of told.entries())
    if (index % 2 === 1) t.match(told[index - 1], one.replace(' done', ''), 'one thing at a time')
  t.equal(counts.retries, 0, 'a batch was never tried again')
  t.equal(counts.records, sent, 'and nothing is passed over')
})

t.test('an error that waiting can not mend ends the loop, commits nothing and gives the partitions up', async (t) => {
  for (const error of [
    new TypeError('a bug'),
    new MillraceError('store.newer', 'newer'),
    new DOMException('not ours', 'AbortError'),
  ]) {
    const { log, loop, append, committed } = await openLoop(t, async () => {
      throw error
    })
    await append('a')
    await t.rejects(loop, error)
    t.equal(await committed(), 0)
    const heir = await log.join('group', ['single'])
    t.equal((await heir.poll({ recordsMax: 1, bytesMax: 1 }, never)).length, 1)
  }
})

t.test('stops within a second while it waits for records', async (t) => {
  const { log, end } = await openLoop(t, async () => undefined)
  await log.ping()
  t.ok((await end()) < STOP_MS_MAX)
})

t.test('stops within a second while it waits for a store to come back', async (t) => {
  const { append, committed, counts, end } = await openLoop(t, async () => {
    throw away()
  })
  await append('a')
  await until(() => counts.retries >= 3)
  t.ok((await end()) < STOP_MS_MAX)
  t.equal(await committed(), 0)
})

t.test('stops within a second while a store hangs, without committing', async (t) => {
  let calls = 0
  const { append, committed, counts, end } = await openLoop(t, () => {
    calls++
    return new Promise(() => undefined)
  })
  await append('a')
  await until(() => calls === 1)
  t.ok((await end()) < STOP_MS_MAX)
  t.equal(await committed(), 0)
  t.equal(counts.batches, 0)
})

t.test('stops within a second while the log hangs, in whatever it was asked', async (t) => {
  for (const name of ['poll', 'commit', 'close'] as const) {
    let calls = 0
    const hang = (): Promise<never> => {
      calls++
      return new Promise(() => undefined)
    }
    const { append, end } = await openLoop(t, async () => undefined, { through: (real) => ({ ...real, [name]: hang }) })
    await append('a')
    if (name !== 'close') await until(() => calls === 1)
    t.ok((await end()) < 2 * STOP_MS_MAX, name)
  }
})

t.test('stops within a second while it waits for a fuller batch, and finishes what is under way', async (t) => {
  const gate = Promise.withResolvers<void>()
  let calls = 0
  const { append, committed, end } = await openLoop(t, () => (calls++ === 0 ? Promise.resolve() : gate.promise), {
    gatherMs: 60_000,
  })
  await append('a')
  await until(async () => (await committed()) === 1)
  t.ok((await end()) < STOP_MS_MAX)

  const second = await openLoop(t, () => (calls++ === 0 ? Promise.resolve() : gate.promise))
  await second.append('a')
  await until(() => calls >= 2)
  const ended = second.end()
  gate.resolve()
  await ended
  t.equal(await second.committed(), 1, 'what was nearly done is committed')
})

t.test('waits for company after a small batch, not after a full one', async (t) => {
  const sizes: number[] = []
  const options = { gatherMs: 300, limit: { recordsMax: 4, bytesMax: 10_000 } }
  const { append, committed, end } = await openLoop(t, async (records) => void sizes.push(records.length), options)
  await append('a')
  await until(() => sizes.length === 1)
  for (let index = 0; index < 9; index++) await append(String(index))
  await until(async () => (await committed()) === 10)
  await end()
  t.same(sizes, [1, 4, 4, 1])
})

t.test('a leaving that fails is no failure of the loop', async (t) => {
  const through = (real: Consumer): Consumer => ({
    ...real,
    close: () => Promise.reject(new MillraceError('event-log.unavailable', 'gone')),
  })
  const { end } = await openLoop(t, async () => undefined, { through })
  await end()
  t.pass()
})
