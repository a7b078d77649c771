// Goal: one process has a data folder, and a second one is told who that is.
// Method: real processes, also killed ones.
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockFolder } from '../../platform/adapters/sqlite/folder-lock.ts'
import { kill, startProgram } from './sqlite-log/run-killed.ts'

t.test('makes the folder, for its owner alone', async (t) => {
  const folder = join(t.testdir(), 'deep', 'data')
  const lock = lockFolder(folder)
  t.teardown(lock.release)
  t.equal(statSync(folder).mode & 0o777, 0o700)
  t.equal(statSync(join(folder, 'lock.pid')).mode & 0o777, 0o600)
  t.equal(readFileSync(join(folder, 'lock.pid'), 'utf8'), String(process.pid))
})

t.test('a folder has one owner, also within a process, until it is released', async (t) => {
  const folder = t.testdir()
  const lock = lockFolder(folder)
  t.throws(() => lockFolder(folder), { code: 'data-folder.locked', remedy: 'stop' })
  lock.release()
  lock.release()
  lockFolder(folder).release()
})

t.test('a second process is refused while the first one lives, and let in when that was killed', async (t) => {
  const folder = t.testdir()
  const first = startProgram(folder, 0, 'lock')
  t.teardown(() => kill(first))
  await once(first.stdout, 'data')
  t.throws(() => lockFolder(folder), {
    code: 'data-folder.locked',
    message: new RegExp(
      `${folder} is in use by another Millrace \\(process ${first.pid}\\)\\. Stop it, or set MILLRACE_DATA_DIR`,
    ),
  })
  await kill(first)
  const lock = lockFolder(folder)
  t.teardown(lock.release)
  t.equal(readFileSync(join(folder, 'lock.pid'), 'utf8'), String(process.pid))

  const second = startProgram(folder, 0, 'lock')
  const [code] = await once(second, 'exit')
  t.equal(code, 1, 'and another process is refused by this one')
})

t.test('a folder that can not be used says why', async (t) => {
  const folder = t.testdir({ file: 'not a folder', odd: { lock: 'This is a note, not a lock. '.repeat(100) } })
  t.throws(() => lockFolder(join(folder, 'file')), { code: 'data-folder.unusable', message: /file can not be used: .*EEXIST/ })
  t.throws(() => lockFolder(join(folder, 'file', 'below')), { code: 'data-folder.unusable', message: /ENOTDIR/ })
  t.throws(() => lockFolder(join(folder, 'odd')), { code: 'data-folder.unusable', message: /not a database.*MILLRACE_DATA_DIR/ })
})
