// Goal: every EventLog keeps the promises of its port, so that the parts need not know which one they have.
// Method: the same suite against each implementation, over a real file or server.
import t, { type Test } from 'tap'
import { openSqliteLog, openSqliteLogFromThread } from '../../platform/adapters/sqlite/log/open.ts'
import type { EventLog, NewRecord } from '../../platform/ports/event-log.ts'

interface Opened {
  readonly log: EventLog
  close(): Promise<void>
}

interface Implementation {
  readonly name: string
  /** `place` is the same for logs that must see the same data. */
  open(place: string): Promise<Opened>
}

const PARTITIONS = 4
const DAY_MS = 86_400_000
const limit = { recordsMax: 1_000, bytesMax: 1_048_576 }

const sqliteOptions = (folder: string) => ({
  folder,
  topics: [
    { name: 'orders', partitions: PARTITIONS, retentionMs: DAY_MS },
    { name: 'single', partitions: 1, retentionMs: DAY_MS },
  ],
  bytesMax: 0,
  lingerMs: 1,
  retentionEveryMs: 60_000,
  onDeath: (error: Error) => t.fail('a thread of the log ended by itself', { error }),
})

const implementations: readonly Implementation[] = [
  {
    name: 'SQLite, through threads',
    async open(place) {
      const log = await openSqliteLog(sqliteOptions(place))
      return { log, close: () => log.close() }
    },
  },
  {
    name: 'SQLite, read in this thread',
    async open(place) {
      const main = await openSqliteLog(sqliteOptions(place))
      const log = await openSqliteLogFromThread(place, await main.connect())
      return {
        log,
        async close() {
          log.close()
          await main.close()
        },
      }
    },
  },
]

const text = (value: Uint8Array): string => Buffer.from(value).toString()
const order = (key: string, value: string): NewRecord => ({ topic: 'orders', key, value: Buffer.from(value) })
const never = new AbortController().signal

for (const { name, open } of implementations) {
  t.test(`${name}`, async (t) => {
    const withLog = async (t: Test, work: (log: EventLog, reopen: () => Promise<EventLog>) => Promise<void>): Promise<void> => {
      const place = t.testdir()
      let opened = await open(place)
      t.teardown(() => opened.close())
      await work(opened.log, async () => {
        await opened.close()
        opened = await open(place)
        return opened.log
      })
    }

    t.test('gives back what was appended, byte for byte, with key, headers and time', (t) =>
      withLog(t, async (log) => {
        const before = Date.now()
        const value = Buffer.from([0, 255, 128, 10, 13, 0])
        await log.append([
          { topic: 'single', key: 'acme/gw-1', value, headers: { 'millrace.reason': 'payload.empty', odd: 'é\n' } },
        ])
        const [record, ...rest] = await log.read({ topic: 'single', partition: 0, offset: 0 }, limit)
        t.same(rest, [])
        t.match(record, {
          topic: 'single',
          partition: 0,
          offset: 0,
          key: 'acme/gw-1',
          headers: { 'millrace.reason': 'payload.empty', odd: 'é\n' },
        })
        t.same([...(record?.value ?? [])], [...value])
        t.ok((record?.timestampMs ?? 0) >= before && (record?.timestampMs ?? 0) <= Date.now(), 'the time is that of the append')
      }),
    )

    t.test('keeps an empty value and a key of many bytes', (t) =>
      withLog(t, async (log) => {
        await log.append([{ topic: 'single', key: 'ключ/🏭', value: new Uint8Array() }])
        const [record] = await log.read({ topic: 'single', partition: 0, offset: 0 }, limit)
        t.equal(record?.key, 'ключ/🏭')
        t.equal(record?.value.length, 0)
      }),
    )

    t.test('keeps the order of a key over many appends that share flushes', (t) =>
      withLog(t, async (log) => {
        const appends: Promise<void>[] = []
        const settled: number[] = []
        for (let index = 0; index < 2_000; index++) {
          appends.push(log.append([order(`key-${index % 7}`, String(index))]).then(() => void settled.push(index)))
        }
        await Promise.all(appends)
        t.same(
          settled,
          [...settled].sort((a, b) => a - b),
          'promises settle in the order of the calls',
        )

        const seen = new Map<string, number[]>()
        for (const { partition } of await log.partitions('orders')) {
          const records = await log.read({ topic: 'orders', partition, offset: 0 }, { recordsMax: 10_000, bytesMax: 10_000_000 })
          t.same(
            records.map(({ offset }) => offset),
            records.map((_, index) => index),
            'offsets count up from 0',
          )
          for (const { key, value } of records) seen.set(key, [...(seen.get(key) ?? []), Number(text(value))])
        }
        t.equal([...seen.values()].flat().length, 2_000)
        for (const [key, values] of seen)
          t.same(
            values,
            [...values].sort((a, b) => a - b),
            `${key} is in order`,
          )
      }),
    )

    t.test('appends to several topics together', (t) =>
      withLog(t, async (log) => {
        await log.append([order('a', '1'), { topic: 'single', key: 'a', value: Buffer.from('2') }, order('a', '3')])
        t.equal((await log.read({ topic: 'single', partition: 0, offset: 0 }, limit)).length, 1)
        const all = await Promise.all(
          (await log.partitions('orders')).map(({ partition }) => log.read({ topic: 'orders', partition, offset: 0 }, limit)),
        )
        t.same(
          all.flat().map(({ value }) => text(value)),
          ['1', '3'],
        )
      }),
    )

    t.test('refuses a topic that it does not have, and goes on', (t) =>
      withLog(t, async (log) => {
        await t.rejects(log.append([{ topic: 'absent', key: 'a', value: Buffer.from('1') }]), /no topic absent/)
        await log.append([order('a', '1')])
        await t.rejects(log.partitions('absent'))
      }),
    )

    t.test('reads no more than it was asked for, but always one record', (t) =>
      withLog(t, async (log) => {
        const values = ['x'.repeat(100), 'y'.repeat(100), 'z'.repeat(100)]
        for (const value of values) await log.append([{ topic: 'single', key: 'k', value: Buffer.from(value) }])
        const from = (offset: number) => ({ topic: 'single', partition: 0, offset })
        t.equal((await log.read(from(0), { recordsMax: 2, bytesMax: 1_000 })).length, 2)
        t.equal((await log.read(from(0), { recordsMax: 10, bytesMax: 250 })).length, 2)
        t.same(
          (await log.read(from(1), { recordsMax: 10, bytesMax: 1 })).map(({ offset }) => offset),
          [1],
        )
        t.same(await log.read(from(3), limit), [], 'nothing lies behind the end')
        t.same(await log.read(from(99), limit), [])
      }),
    )

    t.test('finds the offset of a time', (t) =>
      withLog(t, async (log) => {
        await log.append([{ topic: 'single', key: 'k', value: Buffer.from('old') }])
        const [old] = await log.read({ topic: 'single', partition: 0, offset: 0 }, limit)
        const oldMs = old?.timestampMs ?? 0
        while (Date.now() <= oldMs) await new Promise((resolve) => setImmediate(resolve))
        await log.append([{ topic: 'single', key: 'k', value: Buffer.from('new') }])
        t.same(await log.offsetsAt('single', 0), [{ topic: 'single', partition: 0, offset: 0 }])
        t.same(await log.offsetsAt('single', oldMs + 1), [{ topic: 'single', partition: 0, offset: 1 }])
        t.same(await log.offsetsAt('single', Date.now() + DAY_MS), [{ topic: 'single', partition: 0, offset: 2 }])
      }),
    )

    t.test('waits in poll until there is a record, and returns nothing only when the signal fires', (t) =>
      withLog(t, async (log) => {
        const consumer = await log.join('group', ['orders'])
        const polled = consumer.poll(limit, never)
        await log.append([order('a', 'first')])
        t.same(
          (await polled).map(({ value }) => text(value)),
          ['first'],
        )

        const stop = new AbortController()
        const waiting = consumer.poll(limit, stop.signal)
        stop.abort()
        t.same(await waiting, [])
        await log.append([order('a', 'second')])
        t.same(
          (await consumer.poll(limit, never)).map(({ value }) => text(value)),
          ['second'],
          'the poll that was ended took nothing',
        )
        await consumer.close()
      }),
    )

    t.test('goes on behind what was committed, and delivers the rest again', (t) =>
      withLog(t, async (log, reopen) => {
        for (let index = 0; index < 10; index++)
          await log.append([{ topic: 'single', key: 'k', value: Buffer.from(String(index)) }])
        const consumer = await log.join('group', ['single'])
        t.equal((await consumer.poll({ ...limit, recordsMax: 4 }, never)).length, 4)
        await consumer.commit()
        t.same(
          (await consumer.poll({ ...limit, recordsMax: 3 }, never)).map(({ offset }) => offset),
          [4, 5, 6],
        )
        t.match(await log.lag('group', 'single'), [{ committed: 4, records: 6 }])

        const later = await reopen()
        const heir = await later.join('group', ['single'])
        t.same(
          (await heir.poll(limit, never)).map(({ offset }) => offset),
          [4, 5, 6, 7, 8, 9],
        )
        await heir.commit()
        t.match(await later.lag('group', 'single'), [{ committed: 10, records: 0 }])
        const other = await later.join('other group', ['single'])
        t.equal((await other.poll(limit, never)).length, 10, 'groups do not know of each other')
      }),
    )

    t.test('shares the partitions of a topic in a group, and hands them over when a consumer leaves', (t) =>
      withLog(t, async (log) => {
        const one = await log.join('group', ['orders'])
        const two = await log.join('group', ['orders'])
        for (let index = 0; index < 100; index++) await log.append([order(`key-${index}`, String(index))])
        const ofOne = await one.poll(limit, never)
        const ofTwo = await two.poll(limit, never)
        const partitions = (records: typeof ofOne) => new Set(records.map(({ partition }) => partition))
        t.equal(ofOne.length + ofTwo.length, 100)
        t.equal(partitions(ofOne).size + partitions(ofTwo).size, PARTITIONS)
        t.ok(
          [...partitions(ofOne)].every((partition) => !partitions(ofTwo).has(partition)),
          'each partition has one owner',
        )

        await two.commit()
        await one.close()
        const again = await two.poll(limit, never)
        t.same(
          new Set(again.map(({ value }) => text(value))),
          new Set(ofOne.map(({ value }) => text(value))),
          'what was not committed comes again',
        )
        await two.close()
      }),
    )

    t.test('refuses a commit for partitions that were given to another consumer', (t) =>
      withLog(t, async (log) => {
        await log.append([order('a', '1'), order('b', '2')])
        const one = await log.join('group', ['orders'])
        await one.poll(limit, never)
        const two = await log.join('group', ['orders'])
        await t.rejects(one.commit(), { code: 'event-log.not-owner' })
        await two.close()
        t.equal((await one.poll(limit, never)).length, 2, 'and delivers the records again')
        await one.commit()
        t.same(
          (await log.lag('group', 'orders')).map(({ records }) => records),
          [0, 0, 0, 0],
        )
      }),
    )

    t.test('never moves a committed offset back', (t) =>
      withLog(t, async (log) => {
        for (let index = 0; index < 3; index++) await log.append([{ topic: 'single', key: 'k', value: Buffer.from('x') }])
        const one = await log.join('group', ['single'])
        await one.poll(limit, never)
        await one.commit()
        await one.commit()
        t.match(await log.lag('group', 'single'), [{ committed: 3 }])
      }),
    )

    t.test('continues its offsets after it was closed and opened', (t) =>
      withLog(t, async (log, reopen) => {
        await log.append([{ topic: 'single', key: 'k', value: Buffer.from('before') }])
        const later = await reopen()
        await later.append([{ topic: 'single', key: 'k', value: Buffer.from('after') }])
        const records = await later.read({ topic: 'single', partition: 0, offset: 0 }, limit)
        t.same(
          records.map(({ offset, value }) => [offset, text(value)]),
          [
            [0, 'before'],
            [1, 'after'],
          ],
        )
      }),
    )
  })
}
