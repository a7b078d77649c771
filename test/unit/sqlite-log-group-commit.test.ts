// Goal: many appends share one fsync, in the order of their calls, and a flush that fails fails its own appends and no others.
// Method: a real log; what was committed together is one row of its file, so the rows tell the commits. Commits are made to fail by a trigger
// and by a disk that is full.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { createWriteGuard } from '../../platform/adapters/sqlite/log/write-guard.ts'
import { MIB, numberOf, openLog, openSpy, readAll, single, text, until } from './sqlite-log/open-log.ts'
import { needsSmallDisk, smallDisk } from './sqlite-log/small-disk.ts'

const commits = 'SELECT count(*) FROM batch'

t.test('a thousand appends at once share a few fsyncs, and settle in the order of the calls', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder })
  const settled: number[] = []
  const expected = Array.from({ length: 1_000 }, (_, index) => index)
  await Promise.all(expected.map((index) => log.append([single(String(index))]).then(() => settled.push(index))))
  t.same(settled, expected)
  const made = numberOf(openSpy(t, folder), commits)
  t.ok(made <= 3, `${made} commits`)
  t.same(
    (await readAll(log, 'single')).map(({ value }) => Number(text(value))),
    expected,
  )
})

t.test('appends that come while a flush is under way leave together', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder, lingerMs: 0 })
  const spy = openSpy(t, folder)
  const first = log.append([single('first')])
  await until(() => numberOf(spy, 'SELECT count(*) FROM batch') === 1)
  const others = Array.from({ length: 200 }, (_, index) => log.append([single(String(index))]))
  await Promise.all([first, ...others])
  t.ok(numberOf(spy, commits) <= 3, `${numberOf(spy, commits)} commits`)
})

t.test('a flush takes 4 MiB at most, but a larger append whole', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder })
  await Promise.all(Array.from({ length: 20 }, () => log.append([single(new Uint8Array(MIB))])))
  const spy = openSpy(t, folder)
  t.ok(numberOf(spy, 'SELECT max(length(bytes)) FROM batch') <= 4 * MIB + 1_000)
  t.ok(numberOf(spy, commits) <= 8, `${numberOf(spy, commits)} commits for 20 MiB`)
  await log.append(Array.from({ length: 6 }, () => single(new Uint8Array(MIB))))
  t.equal(numberOf(spy, 'SELECT count FROM batch ORDER BY id DESC LIMIT 1'), 6, 'all of it in one transaction')
})

t.test('an append that is refused leaves no trace in what the next one waits for', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder, lingerMs: 50 })
  const large = single(new Uint8Array(2 * MIB))
  await t.rejects(log.append([large, { ...large, topic: 'absent' }]), /no topic absent/)
  await t.rejects(log.append([large, { ...large, key: 'k'.repeat(20_000) }]), /key of a record is too long/)
  await Promise.all([log.append([single('a')]), log.append([single('b')])])
  t.equal(numberOf(openSpy(t, folder), commits), 1, 'the two waited for each other')
  await log.append([])
  t.equal((await readAll(log, 'single')).length, 2, 'an empty append is nothing')
})

t.test('what was appended before the log is closed is made durable, and nothing afterwards', async (t) => {
  const folder = t.testdir()
  const log = await openLog(t, { folder, lingerMs: 60_000 })
  const appended = Promise.all([log.append([single('a')]), log.append([single('b')])])
  await log.close()
  await appended
  await t.rejects(log.append([single('late')]), { code: 'event-log.unavailable' })
  t.equal((await readAll(await openLog(t, { folder }), 'single')).length, 2)
})

t.test('a write that fails for no good reason fails its appends, and then the log stops', async (t) => {
  const folder = t.testdir()
  const deaths: Error[] = []
  const log = await openLog(t, { folder, onDeath: (error) => deaths.push(error) })
  await log.append([single('kept')])
  const spy = openSpy(t, folder)
  spy.exec("CREATE TRIGGER broken BEFORE INSERT ON batch BEGIN SELECT RAISE(ABORT, 'the disk is broken'); END")
  const lost = await Promise.allSettled([log.append([single('lost')]), log.append([single('lost too')])])
  for (const outcome of lost)
    t.match(outcome, { status: 'rejected', reason: { code: 'event-log.unavailable', message: /the disk is broken/ } })
  await until(() => deaths.length > 0)
  t.match(deaths, [{ message: /log-writer-thread.ts ended with code 1/ }])
  spy.exec('DROP TRIGGER broken')
  await t.rejects(log.append([single('later')]), { code: 'event-log.unavailable' }, 'success would prove nothing any more')
  await t.rejects(log.ping(), { code: 'event-log.unavailable' })
  const reopened = await openLog(t, { folder })
  t.same(
    (await readAll(reopened, 'single')).map(({ value }) => text(value)),
    ['kept'],
  )
})

t.test('only a full disk and a busy file are waited for', async (t) => {
  const database = new DatabaseSync(join(t.testdir(), 'any.sqlite'), { timeout: 0 })
  t.teardown(() => database.close())
  let lost = 0
  const writing = createWriteGuard(
    () => database.isOpen,
    () => lost++,
  )
  writing(() => database.exec('CREATE TABLE t (v BLOB); PRAGMA max_page_count=10;'))
  t.throws(() => writing(() => database.exec('INSERT INTO t VALUES (zeroblob(1000000))')), /full/)
  const other = new DatabaseSync(database.location() ?? '')
  other.exec('BEGIN IMMEDIATE')
  t.throws(() => writing(() => database.exec('INSERT INTO t VALUES (1)')), /locked/)
  other.close()
  t.throws(
    () =>
      writing(() => {
        throw new TypeError('a bug')
      }),
    TypeError,
  )
  t.equal(lost, 0)
  t.throws(() => writing(() => database.exec('INSERT INTO nowhere VALUES (1)')))
  t.equal(lost, 1)
})

t.test('a full disk fails the appends that meet it, and heals', { skip: needsSmallDisk() }, async (t) => {
  const folder = smallDisk(t, 8 * 1_024)
  writeFileSync(join(folder, 'ballast'), new Uint8Array(3 * MIB))
  const log = await openLog(t, { folder })
  const kept: string[] = []
  for (let index = 0; kept.length === index; index++) {
    const value = `${index} ${'x'.repeat(200_000)}`
    await log.append([single(value)]).then(
      () => kept.push(value),
      (error) => t.match(error, { code: 'event-log.unavailable', message: /full/ }),
    )
  }
  t.ok(kept.length > 3, `${kept.length} appends found room`)
  await t.rejects(log.append([single('x'.repeat(2_000_000))]), { code: 'event-log.unavailable' }, 'nothing is acknowledged')
  rmSync(join(folder, 'ballast'))
  await log.ping()
  await log.append([single('after')])
  t.same(
    (await readAll(log, 'single')).map(({ value }) => text(value)),
    [...kept, 'after'],
    'what was acknowledged is there, once, and nothing else',
  )
})
