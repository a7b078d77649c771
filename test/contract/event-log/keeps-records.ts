import type { Test } from 'tap'
import { DAY_MS, type LogImplementation, limit, order, text, withLog } from './implementations.ts'

/** What every EventLog keeps to with its records. */
export function keepsRecords(t: Test, implementation: LogImplementation): void {
  t.test('gives back what was appended, byte for byte, with key, headers and time', (t) =>
    withLog(t, implementation, async (log) => {
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
    withLog(t, implementation, async (log) => {
      await log.append([{ topic: 'single', key: 'ключ/🏭', value: new Uint8Array() }])
      const [record] = await log.read({ topic: 'single', partition: 0, offset: 0 }, limit)
      t.equal(record?.key, 'ключ/🏭')
      t.equal(record?.value.length, 0)
    }),
  )

  t.test('keeps the order of a key over many appends that share flushes', (t) =>
    withLog(t, implementation, async (log) => {
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
    withLog(t, implementation, async (log) => {
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
    withLog(t, implementation, async (log) => {
      await t.rejects(log.append([{ topic: 'absent', key: 'a', value: Buffer.from('1') }]), /no topic absent/)
      await log.append([order('a', '1')])
      await t.rejects(log.partitions('absent'))
    }),
  )

  t.test('reads no more than it was asked for, but always one record', (t) =>
    withLog(t, implementation, async (log) => {
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
    withLog(t, implementation, async (log) => {
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

  t.test('continues its offsets after it was closed and opened', (t) =>
    withLog(t, implementation, async (log, reopen) => {
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
}
