// Goal: after a write that was cut off anywhere there is the old file or the new one, whole, and the order of the system calls makes it so.
// Method: a folder that refuses; a full disk; `strace` on a real process.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { writeFileDurably } from '../../platform/runtime/write-file.ts'
import { needs } from '../programs.ts'
import { needsSmallDisk, smallDisk } from './sqlite-log/small-disk.ts'

t.test('makes and replaces a file, with its mode, and leaves nothing beside it', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'key.pem')
  await writeFileDurably(path, 'one', 0o600)
  await writeFileDurably(path, 'two', 0o600)
  t.equal(readFileSync(path, 'utf8'), 'two')
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.same(readdirSync(folder), ['key.pem'])
})

t.test('many writers leave one whole text', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'state.json')
  const texts = Array.from({ length: 30 }, (_, index) => String(index).repeat(5_000))
  await Promise.all(texts.map((text) => writeFileDurably(path, text, 0o644)))
  t.ok(texts.includes(readFileSync(path, 'utf8')))
  t.same(readdirSync(folder), ['state.json'])
})

t.test('a write that fails leaves the old file, and no other', async (t) => {
  const folder = t.testdir({ blocked: { inside: 'x' } })
  await t.rejects(writeFileDurably(join(folder, 'blocked'), 'new', 0o600), { code: 'EISDIR' })
  await t.rejects(writeFileDurably(join(folder, 'absent', 'file'), 'new', 0o600), { code: 'ENOENT' })
  t.same(readdirSync(folder), ['blocked'])
})

t.test('a full disk leaves the old file, and no other', { skip: needsSmallDisk() }, async (t) => {
  const folder = join(smallDisk(t, 64), 'data')
  mkdirSync(folder)
  const path = join(folder, 'state.json')
  writeFileSync(path, 'old')
  await t.rejects(writeFileDurably(path, 'x'.repeat(200_000), 0o600), { code: 'ENOSPC' })
  t.equal(readFileSync(path, 'utf8'), 'old')
  t.same(readdirSync(folder), ['state.json'])
})

t.test(
  'the text is on the disk before it takes the name, and the name before the call returns',
  { skip: needs('strace') },
  async (t) => {
    const folder = t.testdir()
    const module = fileURLToPath(new URL('../../platform/runtime/write-file.ts', import.meta.url))
    const program = `import { writeFileDurably } from ${JSON.stringify(module)}
    await writeFileDurably(${JSON.stringify(join(folder, 'key.pem'))}, 'secret', 0o600)
    process.stdout.write('returned')`
    const options = [
      '-f',
      '-e',
      'trace=fsync,rename,write',
      '-o',
      join(folder, 'trace'),
      process.execPath,
      '--input-type=module',
      '-e',
      program,
    ]
    t.equal(spawnSync('strace', options).status, 0)
    const calls = readFileSync(join(folder, 'trace'), 'utf8')
      .split('\n')
      .flatMap((line) => /(write\([0-9]+, "(?:secret|returned)"|fsync|rename)/.exec(line)?.[1] ?? [])
      .map((call) => call.replace(/^write.*"(.*)"$/, '$1'))
    t.same(calls, ['secret', 'fsync', 'rename', 'fsync', 'returned'])
  },
)
