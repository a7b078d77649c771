import type { Test } from 'tap'
import { type LogImplementation, limit, never, order, PARTITIONS, pollMany, pollRest, text, withLog } from './implementations.ts'

/** What every EventLog keeps to with consumer groups. */
export function servesGroups(t: Test, implementation: LogImplementation): void {
  t.test('waits in poll until there is a record, and returns nothing only when the signal fires', (t) =>
    withLog(t, implementation, async (log) => {
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
    withLog(t, implementation, async (log, reopen) => {
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
        (await pollMany(heir, 6, () => heir.commit())).map(({ offset }) => offset),
        [4, 5, 6, 7, 8, 9],
      )
      t.match(await later.lag('group', 'single'), [{ committed: 10, records: 0 }])
      const other = await later.join('other group', ['single'])
      t.equal((await pollMany(other, 10)).length, 10, 'groups do not know of each other')
    }),
  )

  t.test('shares the partitions of a topic in a group, and hands them over when a consumer leaves', (t) =>
    withLog(t, implementation, async (log) => {
      const one = await log.join('group', ['orders'])
      const two = await log.join('group', ['orders'])
      for (let index = 0; index < 100; index++) await log.append([order(`key-${index}`, String(index))])
      const [ofOne, ofTwo] = await Promise.all([pollRest(one), pollRest(two, () => two.commit())])
      const partitions = (records: typeof ofOne) => new Set(records.map(({ partition }) => partition))
      t.equal(ofOne.length + ofTwo.length, 100)
      t.equal(partitions(ofOne).size + partitions(ofTwo).size, PARTITIONS)
      t.ok(
        [...partitions(ofOne)].every((partition) => !partitions(ofTwo).has(partition)),
        'each partition has one owner',
      )

      await one.close()
      const again = await pollMany(two, ofOne.length)
      t.same(
        new Set(again.map(({ value }) => text(value))),
        new Set(ofOne.map(({ value }) => text(value))),
        'what was not committed comes again',
      )
      await two.close()
    }),
  )

  t.test('says which partitions a consumer owns', (t) =>
    withLog(t, implementation, async (log) => {
      await log.append([order('a', '1'), order('b', '2')])
      const one = await log.join('group', ['orders'])
      await pollRest(one)
      const owned = (consumer: typeof one): readonly number[] =>
        consumer
          .ownership()
          .places.map(({ topic, partition }) => (topic === 'orders' ? partition : -1))
          .toSorted()
      const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
      t.same(owned(one), all, 'also those without a record')
      const before = one.ownership()
      before.assertOwner()
      await pollRest(one)
      t.equal(one.ownership(), before, 'and it stays that, as nothing was dealt out anew')

      const two = await log.join('group', ['orders'])
      await Promise.all([pollRest(one), pollRest(two)])
      t.same([...owned(one), ...owned(two)].toSorted(), all, "each is somebody's")
      t.ok(owned(one).length > 0 && owned(two).length > 0)
      t.throws(before.assertOwner, { code: 'event-log.not-owner' }, 'what it had may be of another by now, or come again')
      one.ownership().assertOwner()
      await one.close()
      await pollRest(two)
      t.same(owned(two), all)
      await two.close()
    }),
  )

  t.test('refuses a commit for partitions that were given to another consumer', (t) =>
    withLog(t, implementation, async (log) => {
      await log.append([order('a', '1'), order('b', '2')])
      const one = await log.join('group', ['orders'])
      await pollMany(one, 2)
      const two = await log.join('group', ['orders'])
      await t.rejects(one.commit(), { code: 'event-log.not-owner' })
      await two.close()
      t.equal((await pollMany(one, 2, () => one.commit())).length, 2, 'and delivers the records again')
      t.same(
        (await log.lag('group', 'orders')).map(({ records }) => records),
        [0, 0, 0, 0],
      )
    }),
  )

  t.test('never moves a committed offset back', (t) =>
    withLog(t, implementation, async (log) => {
      for (let index = 0; index < 3; index++) await log.append([{ topic: 'single', key: 'k', value: Buffer.from('x') }])
      const one = await log.join('group', ['single'])
      await one.poll(limit, never)
      await one.commit()
      await one.commit()
      t.match(await log.lag('group', 'single'), [{ committed: 3 }])
    }),
  )
}
