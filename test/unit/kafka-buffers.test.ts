// Goal: what waits between Kafka and its callers keeps its order and its bounds.
import fc from 'fast-check'
import t from 'tap'
import { boundAppends } from '../../platform/adapters/kafka/bound-appends.ts'
import { chunkBySize } from '../../platform/adapters/kafka/chunk-by-size.ts'
import { createRecordBuffer } from '../../platform/adapters/kafka/record-buffer.ts'
import { type LogRecord, type NewRecord, sizeOf } from '../../platform/ports/event-log.ts'

const MIB = 1_048_576
const record = (partition: number, offset: number, bytes = 10): LogRecord => ({
  topic: 'orders',
  partition,
  offset,
  key: 'key',
  timestampMs: 0,
  value: new Uint8Array(bytes),
})
const newRecord = (bytes: number): NewRecord => ({ topic: 'orders', key: 'key', value: new Uint8Array(bytes) })
const whole = { recordsMax: 1_000_000, bytesMax: 1_000 * MIB }

t.test('the buffer gives back every record once, in order, within the limits of each poll', async () => {
  const sizes = fc.array(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 30 }), { minLength: 1, maxLength: 5 })
  const limits = fc.record({ recordsMax: fc.integer({ min: 1, max: 12 }), bytesMax: fc.integer({ min: 1, max: 900 }) })
  fc.assert(
    fc.property(sizes, limits, (partitions, limit) => {
      const buffer = createRecordBuffer(() => undefined)
      for (const [partition, list] of partitions.entries())
        buffer.add(
          'orders',
          partition,
          list.map((bytes, offset) => record(partition, offset, bytes)),
        )
      const next = partitions.map(() => 0)
      for (let taken = buffer.take(limit); taken.records.length > 0; taken = buffer.take(limit)) {
        const bytes = taken.records.reduce((sum, one) => sum + sizeOf(one), 0)
        if (taken.records.length > limit.recordsMax || (taken.records.length > 1 && bytes > limit.bytesMax)) return false
        for (const { partition, offset } of taken.records) {
          if (offset !== next[partition]) return false
          next[partition] = offset + 1
        }
        if (taken.positions.some(({ partition, offset }) => offset !== next[partition])) return false
      }
      return next.every((count, partition) => count === partitions[partition]?.length)
    }),
  )
})

t.test('a partition that holds enough says so, and says when there is room again', async (t) => {
  const room: number[] = []
  const buffer = createRecordBuffer((_, partition) => room.push(partition))
  t.notOk(buffer.add('orders', 0, [record(0, 0, 1.5 * MIB)]))
  t.ok(buffer.add('orders', 0, [record(0, 1, 1.5 * MIB)]))
  t.notOk(buffer.add('orders', 1, [record(1, 0)]), 'the others are not held up')
  buffer.take({ recordsMax: 1, bytesMax: 10 * MIB })
  buffer.take({ recordsMax: 1, bytesMax: 10 * MIB })
  t.same(room, [0], 'once')
})

t.test('many partitions share the room, and small records count with what they take', async (t) => {
  const buffer = createRecordBuffer(() => undefined)
  buffer.share(64)
  t.ok(buffer.add('orders', 0, [record(0, 0, MIB)]), 'of 64, none holds a MiB')
  const tiny = Array.from({ length: 5_000 }, (_, offset) => record(1, offset, 1))
  t.ok(buffer.add('orders', 1, tiny), '5,000 records of one byte are more than 5 kB')
  buffer.clear()
  t.same(buffer.take(whole), { records: [], positions: [] })
})

t.test('a list is cut in its order, into runs that fit', async () => {
  const list = fc.array(fc.integer({ min: 0, max: 50 }))
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 60 }), (sizes, bytesMax) => {
      const records = sizes.map(newRecord)
      const chunks = chunkBySize(records, bytesMax)
      const isWhole = chunks.flat().every((one, index) => one === records[index]) && chunks.flat().length === records.length
      const fits = chunks.every((chunk) => chunk.length === 1 || chunk.reduce((sum, one) => sum + sizeOf(one), 0) <= bytesMax)
      return isWhole && fits && chunks.every((chunk) => chunk.length > 0)
    }),
  )
})

t.test('appends beyond the bound are refused, those before are not, and room comes back with each that settles', async (t) => {
  const settle: (() => void)[] = []
  const { append, waitingRecords } = boundAppends(() => new Promise((resolve) => settle.push(resolve)), {
    recordsMax: 3,
    bytesMax: 100,
  })
  const first = append([newRecord(10), newRecord(10)])
  await t.rejects(append([newRecord(10), newRecord(10)]), { code: 'event-log.unavailable', message: /2 records of 20 bytes/ })
  await t.rejects(append([newRecord(81)]), { code: 'event-log.unavailable' })
  const second = append([newRecord(80)])
  t.equal(waitingRecords(), 3)
  for (const resolve of settle) resolve()
  await Promise.all([first, second])
  t.equal(waitingRecords(), 0)
  const huge = append([newRecord(1_000)])
  settle.at(-1)?.()
  await t.resolves(huge, 'one alone is let through')

  const failing = boundAppends(() => Promise.reject(new Error('away')), { recordsMax: 1, bytesMax: 1 })
  await t.rejects(failing.append([newRecord(1)]), /away/)
  t.equal(failing.waitingRecords(), 0, 'also with one that fails')
})
