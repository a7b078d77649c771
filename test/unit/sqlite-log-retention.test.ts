// Goal: retention deletes what is past its time or over the size, and never what somebody has yet to read.
// Method: the writer's side of a real log in this thread, with a clock that the test sets. Random histories are in sqlite-log-retention-model.test.ts.
import t from 'tap'
import { batchesLeft, openFileLog } from './sqlite-log/file-log.ts'
import { MIB } from './sqlite-log/open-log.ts'

const topics = [{ name: 'single', partitions: 1, retentionMs: 1_000 }]
const two = [{ name: 'orders', partitions: 2, retentionMs: 1_000 }]
const at = (offset: number) => [{ topic: 'single', partition: 0, offset }]

t.test('deletes by age, and only whole batches that are past it', async (t) => {
  const log = openFileLog(t, { folder: t.testdir(), topics })
  for (const timeMs of [100, 200, 300, 400]) {
    log.setClock(timeMs)
    log.append('single', 0, ['a', 'b', 'c'])
  }
  t.equal(log.deleteAll(1_100), 0, 'a batch at its age limit is kept')
  log.deleteAll(1_300)
  t.same(batchesLeft(log.database, 0), [
    [6, 3],
    [9, 3],
  ])
  t.match(log.reads.partitions('single'), [{ firstOffset: 6, nextOffset: 12 }])
  t.same(
    log.reads.read({ topic: 'single', partition: 0, offset: 0 }, { recordsMax: 2, bytesMax: 100 }).map(({ offset }) => offset),
    [6, 7],
    'a read from before goes on at what is left',
  )
})

t.test('keeps what a group has yet to commit, whatever its age', async (t) => {
  const log = openFileLog(t, { folder: t.testdir(), topics })
  log.store.register('slow', ['single'])
  for (let index = 0; index < 5; index++) log.append('single', 0, ['a', 'b'])
  log.deleteAll(1e9)
  t.equal(batchesLeft(log.database, 0).length, 5, 'a group that has joined and committed nothing keeps everything')
  log.store.commit('fast', at(10))
  log.store.commit('slow', at(5))
  log.deleteAll(1e9)
  t.same(batchesLeft(log.database, 0)[0], [4, 2], 'a batch of which one record is not committed stays')
  log.store.commit('slow', at(10))
  log.deleteAll(1e9)
  t.same(batchesLeft(log.database, 0), [[8, 2]])
})

t.test('a group that joins later begins at what is left, and keeps that', async (t) => {
  const log = openFileLog(t, { folder: t.testdir(), topics })
  for (let index = 0; index < 5; index++) log.append('single', 0, ['a'])
  log.deleteAll(1e9)
  log.append('single', 0, ['b'])
  log.store.register('late', ['single'])
  t.match(log.store.lag('late', 'single'), [{ committed: 4, records: 2 }])
  log.store.commit('late', at(5))
  log.store.register('late', ['single'])
  t.match(log.store.lag('late', 'single'), [{ committed: 5, records: 1 }], 'joining again moves nothing')
})

t.test('a group that no longer exists keeps nothing, once it is said which there are', async (t) => {
  const log = openFileLog(t, { folder: t.testdir(), topics })
  log.store.register('gone', ['single'])
  for (let index = 0; index < 5; index++) log.append('single', 0, ['a'])
  log.store.commit('there', at(5))
  log.deleteAll(1e9)
  t.equal(batchesLeft(log.database, 0).length, 5)
  log.store.prepareGroups([{ group: 'there', topics: ['single'], like: [] }])
  log.deleteAll(1e9)
  t.same(batchesLeft(log.database, 0), [[4, 1]])
})

t.test('never deletes the newest batch, so offsets go on after everything else is gone and the log was reopened', async (t) => {
  const folder = t.testdir()
  const log = openFileLog(t, { folder, topics, bytesMax: 1 })
  for (let index = 0; index < 100; index++) log.append('single', 0, ['a', 'b'])
  log.deleteAll(1e9)
  t.same(batchesLeft(log.database, 0), [[198, 2]])
  log.close()
  const later = openFileLog(t, { folder, topics })
  later.append('single', 0, ['c'])
  t.match(later.reads.read({ topic: 'single', partition: 0, offset: 200 }, { recordsMax: 9, bytesMax: 99 }), [{ offset: 200 }])
})

t.test('deletes in slices of few batches and few bytes', async (t) => {
  const log = openFileLog(t, { folder: t.testdir(), topics })
  for (let index = 0; index < 101; index++) log.append('single', 0, ['small'])
  t.ok(log.deleteSlice(1e9))
  t.equal(batchesLeft(log.database, 0).length, 69)
  log.deleteAll(1e9)
  for (let index = 0; index < 20; index++) log.append('single', 0, [new Uint8Array(MIB)])
  t.ok(log.deleteSlice(1e9))
  const left = batchesLeft(log.database, 0).length
  t.ok(left >= 12 && left < 20, `${left} of 20 batches of 1 MiB are left after a slice`)
})

t.test('over the size, the oldest go first, whatever partition they are in', async (t) => {
  const folder = t.testdir()
  const unlimited = openFileLog(t, { folder, topics: two })
  for (let index = 0; index < 60; index++) {
    unlimited.setClock(index)
    unlimited.append('orders', index % 3 === 0 ? 0 : 1, [new Uint8Array(100_000)])
  }
  unlimited.close()
  const log = openFileLog(t, { folder, topics: two, bytesMax: 3 * MIB })
  log.deleteAll(100)
  const rows = log.database.prepare('SELECT time_ms, length(bytes) AS size FROM batch').all()
  const left = rows.map((row) => Number(row.time_ms)).sort((a, b) => a - b)
  const bytes = rows.reduce((sum, row) => sum + Number(row.size), 0)
  t.ok(bytes < 3 * MIB && bytes > MIB, `${bytes} bytes are left of 6 million, the limit is 3 MiB`)
  t.same(
    left,
    left.map((_, index) => 60 - left.length + index),
    'what is left is what is newest',
  )
})

t.test('over the size, what is not committed stays all the same', async (t) => {
  const log = openFileLog(t, { folder: t.testdir(), topics: two, bytesMax: MIB })
  log.store.register('group', ['orders'])
  for (let index = 0; index < 40; index++) log.append('orders', index % 2, [new Uint8Array(100_000)])
  t.equal(log.deleteAll(0), 0)
  log.store.commit('group', [{ topic: 'orders', partition: 1, offset: 20 }])
  log.deleteAll(0)
  t.equal(batchesLeft(log.database, 0).length, 20)
  t.same(batchesLeft(log.database, 1), [[19, 1]])
})

t.test('reaches every partition of the file, also when the settings have come to name fewer', async (t) => {
  const folder = t.testdir()
  const made = openFileLog(t, { folder, topics: [{ name: 'orders', partitions: 8, retentionMs: 1_000 }] })
  for (let index = 0; index < 3; index++) made.append('orders', 7, ['a'])
  made.close()
  const log = openFileLog(t, { folder, topics: two })
  log.deleteAll(1e9)
  t.same(batchesLeft(log.database, 7), [[2, 1]])
})

t.test('finds the offset of a time, also when the clock stepped back', async (t) => {
  const folder = t.testdir()
  const log = openFileLog(t, { folder, topics })
  for (const timeMs of [1_000, 5_000, 2_000, 3_000, 6_000]) {
    log.setClock(timeMs)
    log.append('single', 0, ['a', 'b'])
  }
  const offsetAt = (timeMs: number) => log.reads.offsetsAt('single', timeMs)[0]?.offset
  t.same([0, 1_000, 1_001, 5_000, 5_001, 6_000, 6_001].map(offsetAt), [0, 0, 2, 2, 8, 8, 10])
  log.close()
  const later = openFileLog(t, { folder, topics })
  later.setClock(10)
  later.append('single', 0, ['c'])
  t.match(later.reads.read({ topic: 'single', partition: 0, offset: 10 }, { recordsMax: 1, bytesMax: 9 }), [
    { timestampMs: 6_000 },
  ])
})
