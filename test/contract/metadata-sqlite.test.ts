// Goal: the embedded metadata store is as durable as its port says, and fails in ways that say what to do.
// Method: looks underneath the port: at the connection's pragmas, at the file, and at what a kill leaves.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { openMetadataDatabase, openSqliteMetadata } from '../../platform/adapters/sqlite/metadata/open.ts'
import { sqliteFile, tenant } from './metadata/implementations.ts'

async function openDatabase(t: Test, folder: string) {
  const deaths: Error[] = []
  const opened = await openMetadataDatabase({ folder, onDeath: (error) => deaths.push(error) })
  t.teardown(opened.close)
  return { ...opened, deaths, run: (sql: string) => opened.thread.call('run', { sql, parameters: [] }) }
}

t.test('runs with a write-ahead log, synchronous=FULL and foreign keys', async (t) => {
  const { run } = await openDatabase(t, t.testdir())
  t.match((await run('PRAGMA journal_mode')).rows, [{ journal_mode: 'wal' }])
  t.match((await run('PRAGMA synchronous')).rows, [{ synchronous: 2 }])
  t.match((await run('PRAGMA foreign_keys')).rows, [{ foreign_keys: 1 }])
})

t.test('keeps every write that resolved when the process is killed', async (t) => {
  const module = new URL('../../platform/adapters/sqlite/metadata/open.ts', import.meta.url)
  const program = `
    const { openSqliteMetadata } = await import('${module.href}')
    const metadata = await openSqliteMetadata({ folder: import.meta.dirname, onDeath() {} })
    for (let n = 0; ; n++) {
      await metadata.addTenant({ id: 'n-' + n, name: 'N', createdMs: n })
      process.stdout.write('n-' + n + '\\n')
    }`
  const folder = t.testdir({ 'program.mjs': program })
  const child = spawn(process.execPath, [join(folder, 'program.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const acknowledged: string[] = []
  for await (const line of createInterface(child.stdout)) {
    acknowledged.push(line)
    if (acknowledged.length === 200) child.kill('SIGKILL')
  }

  const metadata = await openSqliteMetadata({ folder, onDeath: (error) => t.fail(error.message) })
  t.teardown(metadata.close)
  const stored = new Set((await metadata.tenants()).map(({ id }) => id))
  t.ok(acknowledged.length >= 200)
  t.same(
    acknowledged.filter((id) => !stored.has(id)),
    [],
  )
})

t.test('leaves the tables as they were when a migration fails', async (t) => {
  const folder = t.testdir()
  const { run } = await openDatabase(t, folder)
  await run('CREATE TABLE sensor (stray INTEGER)')
  await t.rejects(openSqliteMetadata({ folder, onDeath: (error) => t.fail(error.message) }), { code: 'metadata.unavailable' })
  await t.rejects(run('SELECT * FROM tenant'), { message: /no such table/ })
  await run('DROP TABLE sensor')
  const metadata = await openSqliteMetadata({ folder, onDeath: (error) => t.fail(error.message) })
  t.teardown(metadata.close)
  await metadata.addTenant(tenant('acme'))
})

t.test('refuses a store that a newer version has written', async (t) => {
  const folder = t.testdir()
  const onDeath = (error: Error) => t.fail(error.message)
  await (await openSqliteMetadata({ folder, onDeath })).close()
  const { run } = await openDatabase(t, folder)
  await run("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-future', '2030-01-01T00:00:00.000Z')")
  await t.rejects(openSqliteMetadata({ folder, onDeath }), { code: 'store.newer', remedy: 'stop', message: /9999-future/ })
})

t.test('refuses a file that is not a database, and a folder that is not there', async (t) => {
  const folder = t.testdir()
  const onDeath = (error: Error) => t.fail(error.message)
  writeFileSync(sqliteFile(folder), 'This is a text and not a database. '.repeat(100))
  await t.rejects(openSqliteMetadata({ folder, onDeath }), { code: 'store.damaged', remedy: 'stop', message: /not a database/ })
  await t.rejects(openSqliteMetadata({ folder: `${folder}/none`, onDeath }), { code: 'metadata.unavailable' })
})

t.test('fails what is under way and reports it when its thread dies', async (t) => {
  const { thread, deaths, run } = await openDatabase(t, t.testdir())
  // Takes far longer than the thread has left.
  const slow = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000000) SELECT max(i) FROM n'
  const underway = t.rejects(run(slow), { code: 'metadata.unavailable' })
  const exited = once(thread.worker, 'exit')
  await thread.worker.terminate()
  await Promise.all([underway, exited])
  await t.rejects(run('SELECT 1'), { code: 'metadata.unavailable' })
  t.equal(deaths.length, 1)
})

t.test('keeps other statements out of a transaction, and takes a failed one back', async (t) => {
  const { db, run } = await openDatabase(t, t.testdir())
  await run('CREATE TABLE tenant (id TEXT, name TEXT, created_ms BIGINT)')
  const add = (id: string) => ({ id, name: id, created_ms: 1 })
  const failing = db.transaction().execute(async (transaction) => {
    await transaction.insertInto('tenant').values(add('inside')).execute()
    await new Promise((resolve) => setImmediate(resolve))
    throw new Error('taken back')
  })
  const outside = db.insertInto('tenant').values(add('outside')).execute()
  await t.rejects(failing, { message: 'taken back' })
  await outside
  t.match(await db.selectFrom('tenant').select('id').execute(), [{ id: 'outside' }])
  t.equal((await run('SELECT id FROM tenant')).rows.length, 1)
})

t.test('forgets listeners that are gone for good: each start is another one', async (t) => {
  const folder = t.testdir()
  const metadata = await openSqliteMetadata({ folder, onDeath: (error) => t.fail('a thread ended', { error }) })
  for (let n = 0; n < 5; n++) await metadata.keepAlive(`listener-${n}`, n * 100, n * 100 - 150)
  await metadata.close()
  const { run } = await openDatabase(t, folder)
  t.match(await run('select id from listener order by id'), { rows: [{ id: 'listener-3' }, { id: 'listener-4' }] })
})
