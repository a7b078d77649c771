// Goal: the log opens durably or not at all, and says clearly what stands in the way.
// Method: real files, made unusable in the ways that happen: cut off, overwritten, written by a newer version, of another journal.
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { inTransaction, migrateDatabase, openDatabase } from '../../platform/adapters/sqlite/database.ts'
import { openLogDatabase, openLogReadOnly } from '../../platform/adapters/sqlite/log/log-format.ts'
import { openLogWriter } from '../../platform/adapters/sqlite/log/log-writer.ts'
import { openSqliteLog } from '../../platform/adapters/sqlite/log/open.ts'
import { openSqliteLogView } from '../../platform/adapters/sqlite/log/open-view.ts'
import { logOptions, openLog, openSpy, readAll, single, text } from './sqlite-log/open-log.ts'

const pathIn = (folder: string): string => join(folder, 'log.sqlite')
const surroundings = { clock: Date.now, onLostWrite: () => undefined }

/** The log can't be opened in this folder, and its threads neither die noisily nor stay behind. */
async function refuses(t: Test, folder: string, expected: { code: string; message?: RegExp }): Promise<void> {
  const deaths: Error[] = []
  const options = logOptions(folder, { onDeath: (error) => deaths.push(error) })
  await t.rejects(openSqliteLog(options), expected)
  t.same(deaths, [], 'an error at the opening is the answer, not a death')
}

t.test('every connection flushes each commit, and has the write-ahead log', async (t) => {
  const path = pathIn(t.testdir())
  for (const open of [openLogDatabase, openLogReadOnly]) {
    const database = open(path)
    t.teardown(() => database.close())
    t.match(database.prepare('PRAGMA journal_mode').get(), { journal_mode: 'wal' })
    t.match(database.prepare('PRAGMA synchronous').get(), { synchronous: 2 })
    t.match(database.prepare('PRAGMA page_size').get(), { page_size: 16_384 })
  }
})

t.test('refuses a store that can not have a write-ahead log', async (t) => {
  t.throws(() => openDatabase({ path: ':memory:', isReadOnly: false, cacheMiB: 1 }), {
    code: 'store.not-durable',
    remedy: 'stop',
  })
  t.throws(
    () => openLogWriter({ path: ':memory:', topics: [], bytesMax: 0, retentionEveryMs: 1_000 }, surroundings),
    /journal_mode=memory and synchronous=2/,
  )
  const path = pathIn(t.testdir())
  const rollback = new DatabaseSync(path)
  rollback.exec('CREATE TABLE batch (id INTEGER)')
  rollback.close()
  t.throws(() => openLogReadOnly(path), { code: 'store.not-durable', message: /journal_mode=delete/ })
})

t.test('a file that is no database is called damaged, and stays as it is', async (t) => {
  const folder = t.testdir({ 'log.sqlite': 'Dear diary, today the disk was full.\n'.repeat(1_000) })
  const before = readFileSync(pathIn(folder))
  await refuses(t, folder, { code: 'store.damaged', message: /log\.sqlite is damaged: .*millrace doctor/ })
  t.ok(before.equals(readFileSync(pathIn(folder))))
})

t.test('a file that was cut off, or overwritten inside, is called damaged', async (t) => {
  for (const spoil of [
    (path: string) => truncateSync(path, 20_000),
    (path: string) => writeFileSync(path, Buffer.alloc(16_000, 0xa5), { flag: 'r+', flush: true }),
  ]) {
    const folder = t.testdir()
    const log = await openSqliteLog(logOptions(folder))
    for (let index = 0; index < 50; index++) await log.append([single('x'.repeat(10_000))])
    await log.close()
    spoil(pathIn(folder))
    await refuses(t, folder, { code: 'store.damaged' })
  }
})

t.test('bytes that changed on the disk are never given out', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder })
  await log.append([single('before')])
  await log.append([single('a rather important value')])
  const spy = openSpy(t, folder)
  const { bytes } = spy.prepare('SELECT bytes FROM batch WHERE base_offset = 1').get() ?? {}
  const spoiled = bytes instanceof Uint8Array ? Uint8Array.from(bytes) : new Uint8Array()
  spoiled[15] = (spoiled[15] ?? 0) ^ 1
  spy.prepare('UPDATE batch SET bytes = ? WHERE base_offset = 1').run(spoiled)
  const whole = await log.read({ topic: 'single', partition: 0, offset: 0 }, { recordsMax: 10, bytesMax: 1_000 })
  t.same(
    whole.map(({ value }) => text(value)),
    ['before'],
    'what lies before the damage is given out',
  )
  await t.rejects(log.read({ topic: 'single', partition: 0, offset: 1 }, { recordsMax: 1, bytesMax: 1_000 }), {
    code: 'store.damaged',
    message: /single, partition 0, from offset 1/,
    details: { topic: 'single', partition: 0, offset: 1 },
  })
})

t.test('a log of a newer Millrace is left alone', async (t) => {
  const folder = t.testdir()
  await (await openSqliteLog(logOptions(folder))).close()
  const spy = openSpy(t, folder)
  spy.exec('PRAGMA user_version=99')
  spy.close()
  await refuses(t, folder, { code: 'store.newer', message: /format 99, known 2/ })
})

t.test('a log of the first format is brought to the newest, with all that is in it', async (t) => {
  const folder = t.testdir()
  const log = await openSqliteLog(logOptions(folder))
  await log.append([single('old')])
  await log.close()
  const spy = openSpy(t, folder)
  spy.exec('ALTER TABLE batch DROP COLUMN crc32; PRAGMA user_version=1')
  spy.close()
  const later = await openLog(t, { folder })
  await later.append([single('new')])
  t.same(
    (await readAll(later, 'single')).map(({ offset, value }) => [offset, text(value)]),
    [
      [0, 'old'],
      [1, 'new'],
    ],
  )
})

t.test('a step of a migration is done whole or not at all', async (t) => {
  const database = openLogDatabase(pathIn(t.testdir()))
  t.teardown(() => database.close())
  const steps = ['SELECT 1', 'SELECT 1', 'CREATE TABLE one (id INTEGER); CREATE TABLE two (id INTEGER); NONSENSE']
  t.throws(() => migrateDatabase(database, steps), /NONSENSE/)
  t.match(database.prepare('PRAGMA user_version').get(), { user_version: 2 })
  t.match(database.prepare("SELECT count(*) AS tables FROM sqlite_schema WHERE name IN ('one', 'two')").get(), { tables: 0 })
  t.throws(() => inTransaction(database, () => database.exec('NONSENSE')))
  t.notOk(database.isTransaction, 'what failed was rolled back')
})

t.test('a log that is not there is looked at as an empty one, and is not made', async (t) => {
  const folder = t.testdir()
  const view = await openSqliteLogView(folder)
  t.same(await view.partitions('single'), [])
  t.same(await view.read({ topic: 'single', partition: 0, offset: 0 }, { recordsMax: 1, bytesMax: 1 }), [])
  await view.close()
  t.throws(() => openLogReadOnly(pathIn(folder)))
})

t.test('a log that was closed is one whole file, and can be looked at', async (t) => {
  const folder = t.testdir()
  const log = await openSqliteLog(logOptions(folder))
  await log.append([single('kept')])
  await log.close()
  t.throws(() => readFileSync(`${pathIn(folder)}-wal`), { code: 'ENOENT' }, 'nothing lies beside the file')
  const view = await openSqliteLogView(folder)
  t.teardown(() => view.close())
  t.same(
    (await readAll(view, 'single')).map(({ value }) => text(value)),
    ['kept'],
  )
  t.same(await view.offsetsAt('single', 0), [{ topic: 'single', partition: 0, offset: 0 }])
})

t.test('a topic keeps the partitions it was made with, whatever is asked later', async (t) => {
  const folder = t.testdir()
  await (await openSqliteLog(logOptions(folder))).close()
  const topics = [{ name: 'orders', partitions: 9, retentionMs: 1 }]
  const log = await openLog(t, { folder, topics })
  t.equal((await log.partitions('orders')).length, 4)
  await t.rejects(log.append([single('x')]), /no topic single/)
})
