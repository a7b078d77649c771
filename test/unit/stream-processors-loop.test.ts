// Goal: the loop commits what is done and nothing else, waits for stores without end, and stops within a second whatever it is doing.
// Method: a real log; what a store would do, the process function does. Only a log that fails by itself is a wrapper around the real one.
import t from 'tap'
import type { Consumer } from '../../platform/ports/event-log.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { notOwner } from '../../platform/runtime/ownership.ts'
import { never, text, until } from './sqlite-log/open-log.ts'
import { away, openLoop } from './stream-processors/open-loop.ts'

const STOP_MS_MAX = 1_500

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

t.test(
  'a batch is not stored any more once its partition went to another consumer, however long the store was away',
  async (t) => {
    let isGone = false
    const asked: string[] = []
    const through = (real: Consumer): Consumer => ({
      ...real,
      ownership() {
        const { places, assertOwner } = real.ownership()
        const wasGone = isGone
        return {
          places,
          assertOwner() {
            assertOwner()
            if (isGone && !wasGone) throw notOwner()
          },
        }
      },
    })
    const { log, append, committed, end } = await openLoop(
      t,
      async (records) => {
        asked.push(records.map(({ value }) => text(value)).join())
        if (asked.length > 1) return
        const other = await log.join('group', ['single'])
        await other.close()
        isGone = true
        throw away()
      },
      { through },
    )
    await append('a')
    await until(() => asked.length === 1)
    await append('b')
    await until(async () => (await committed()) === 2)
    await end()
    t.same(asked.slice(0, 2), ['a', 'a,b'], 'what it had is given up, and read again with what came since')
  },
)

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
