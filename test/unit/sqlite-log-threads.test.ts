// Goal: consumers in several threads share a group, and what fails half-way, or dies, makes nobody pass over a record.
// Method: real threads with ports of their own. A read fails by a wrapper around the real one: a file gives no single read to spoil.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { joinLogGroup, type ReadRecords } from '../../platform/adapters/sqlite/log/log-consumer.ts'
import type { LogWriterCalls } from '../../platform/adapters/sqlite/log/log-writer-calls.ts'
import { openSqliteLogFromThread, type SqliteLog } from '../../platform/adapters/sqlite/log/open.ts'
import { readInSlices } from '../../platform/adapters/sqlite/log/read-in-slices.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { createCaller } from '../../platform/runtime/thread.ts'
import type { Committed, ConsumerThreadData } from './sqlite-log/consumer-thread.ts'
import { logOptions, never, openLog, single, text, until } from './sqlite-log/open-log.ts'

async function startConsumer(t: Test, log: SqliteLog, folder: string, onCommitted: (records: Committed) => void) {
  const port = await log.connect()
  const worker = new Worker(new URL('./sqlite-log/consumer-thread.ts', import.meta.url), {
    workerData: { folder, port } satisfies ConsumerThreadData,
    transferList: [port],
  })
  t.teardown(() => worker.terminate())
  await once(worker, 'message')
  worker.on('message', onCommitted)
  return worker
}

const append = (log: SqliteLog, from: number, count: number): Promise<unknown> =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      log.append([{ topic: 'orders', key: `key-${index % 20}`, value: Buffer.from(String(from + index)) }]),
    ),
  )

t.test('two threads share a group: each record is committed by one of them, in order', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder })
  const byThread: (readonly [number, number, string])[][] = [[], []]
  for (const list of byThread) await startConsumer(t, log, folder, (records) => list.push(...records))
  await append(log, 0, 2_000)
  await until(() => byThread.flat().length >= 2_000)
  t.equal(new Set(byThread.flat().map(([, , value]) => value)).size, 2_000)
  for (const list of byThread) {
    t.ok(list.length > 0, 'each has its share')
    for (const partition of [0, 1, 2, 3]) {
      const offsets = list.filter(([of]) => of === partition).map(([, offset]) => offset)
      t.same(
        offsets,
        offsets.map((_, index) => index),
      )
    }
  }
})

t.test('the partitions of a thread that died go to the others', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder })
  const seen = new Set<string>()
  const note = (records: Committed): void => {
    for (const [, , value] of records) seen.add(value)
  }
  const [first] = [await startConsumer(t, log, folder, note), await startConsumer(t, log, folder, note)]
  await append(log, 0, 500)
  await until(() => seen.size === 500)
  await first.terminate()
  await append(log, 500, 500)
  await until(() => seen.size === 1_000)
  await until(async () => (await log.lag('group', 'orders')).every(({ records }) => records === 0))
  t.pass()
})

t.test('a thread is told when the log that it reads is gone', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder })
  const inThread = await openSqliteLogFromThread(folder, await log.connect())
  t.teardown(() => inThread.close())
  const consumer = await inThread.join('group', ['single'])
  const polled = t.rejects(consumer.poll({ recordsMax: 1, bytesMax: 1 }, never), { code: 'event-log.unavailable' })
  await log.close()
  await polled
  await t.rejects(inThread.append([single('x')]), { code: 'event-log.unavailable' })
  await t.rejects(inThread.ping(), { code: 'event-log.unavailable' })
})

t.test('a poll that failed at its second partition returns everything when it is asked again', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder })
  await append(log, 0, 40)
  let failures = 0
  const faulty: ReadRecords = async (from, limit) => {
    if (from.partition === 2 && failures++ < 3) throw new MillraceError('event-log.unavailable', 'The disk had a moment.')
    return log.read(from, limit)
  }
  const port = await log.connect()
  t.teardown(() => port.close())
  const writer = createCaller<LogWriterCalls>(port, 'event-log.unavailable')
  const consumer = await joinLogGroup(writer, faulty, { group: 'group', topics: ['orders'] })
  const limit = { recordsMax: 100, bytesMax: 10_000 }
  for (let attempt = 0; attempt < 3; attempt++) await t.rejects(consumer.poll(limit, never), { code: 'event-log.unavailable' })
  const records = await consumer.poll(limit, never)
  t.equal(new Set(records.map(({ value }) => text(value))).size, 40)
  await consumer.commit()
  t.ok((await log.lag('group', 'orders')).every((lag) => lag.records === 0))
})

t.test('a commit that could not be made can be made again', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder })
  await log.append([single('a')])
  const port = await log.connect()
  t.teardown(() => port.close())
  const real = createCaller<LogWriterCalls>(port, 'event-log.unavailable')
  let failures = 0
  const writer: typeof real = {
    ...real,
    call: (name, ...parameters) =>
      name === 'commit' && failures++ < 2
        ? Promise.reject(new MillraceError('event-log.unavailable', 'The disk is full.'))
        : real.call(name, ...parameters),
  }
  const consumer = await joinLogGroup(writer, log.read, { group: 'group', topics: ['single'] })
  await consumer.poll({ recordsMax: 1, bytesMax: 9 }, never)
  for (let attempt = 0; attempt < 2; attempt++) await t.rejects(consumer.commit(), { code: 'event-log.unavailable' })
  await consumer.commit()
  t.match(await log.lag('group', 'single'), [{ committed: 1 }])
})

t.test('a poll keeps to its limits over all partitions', async (t) => {
  const log = await openLog(t, logOptions(t.testdir()))
  for (let index = 0; index < 40; index++)
    await log.append([{ topic: 'orders', key: `key-${index % 20}`, value: Buffer.alloc(100 + (index % 3) * 100) }])
  const consumer = await log.join('group', ['orders'])
  let records = 0
  while (records < 40) {
    const batch = await consumer.poll({ recordsMax: 7, bytesMax: 650 }, never)
    const bytes = batch.reduce((sum, { value }) => sum + value.length, 0)
    if (batch.length > 7 || bytes > 650) t.fail('the limit was passed', { records: batch.length, bytes })
    records += batch.length
    await consumer.commit()
  }
  t.equal(records, 40)
})

t.test('a read in slices is the same read, and keeps to its limits', async (t) => {
  const log = await openLog(t)
  await log.append(Array.from({ length: 3_500 }, (_, index) => single(`${index} ${'x'.repeat(index % 700)}`)))
  const from = { topic: 'single', partition: 0, offset: 0 }
  const slices: number[] = []
  const read = readInSlices(async (position, limit) => {
    const slice = await log.read(position, limit)
    slices.push(slice.length)
    return slice
  })
  for (const [recordsMax, bytesMax] of [
    [10_000, 1e9],
    [2_500, 1e9],
    [10_000, 400_000],
    [10_000, 1_100_000],
    [1, 1],
  ] as const) {
    const records = await read(from, { recordsMax, bytesMax })
    const expected: number[] = []
    let bytes = 0
    for (let index = 0; index < Math.min(3_500, recordsMax); index++) {
      bytes += `${index} `.length + (index % 700)
      if (index > 0 && bytes > bytesMax) break
      expected.push(index)
    }
    t.same(
      records.map(({ offset }) => offset),
      expected,
      `${recordsMax} records, ${bytesMax} bytes`,
    )
  }
  t.ok(Math.max(...slices) <= 1_000, 'no slice is large')
})
