// Goal: what was acknowledged is there after a kill, and the log opens whatever its write-ahead log looks like.
// Method: a program appends and says what is durable; it gets SIGKILL. Then, as after a power cut, the end of the write-ahead log is cut off
// at random lengths: what is left must be a beginning of what was appended, and nothing that had been moved to the file may miss.
import { cpSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LogRecord } from '../../platform/ports/event-log.ts'
import { createRandom, openLog, readAll, single, text } from './sqlite-log/open-log.ts'
import { writeUntilKilled } from './sqlite-log/run-killed.ts'

const KILLS = 8
const CUTS = 30
/** Appended before the log was closed once, so that they lie in the file itself. */
const MOVED = 50
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const random = createRandom(seed)

const numberIn = ({ value }: LogRecord): number => Number(text(value).split(' ')[0])

/** Reads the log and closes it. Offsets count up from 0 and no value is there twice, whatever happened. */
async function readBack(t: Test, folder: string): Promise<readonly number[]> {
  const log = await openLog(t, { folder })
  const records = await readAll(log, 'single')
  t.notOk(
    records.find(({ offset }, index) => offset !== index),
    'offsets count up from 0',
  )
  await log.append([single('-1 after')])
  await log.close()
  return records.map(numberIn).filter((value) => value >= 0)
}

t.test(`a log whose process is killed again and again holds everything that was acknowledged (seed ${seed})`, async (t) => {
  const folder = t.testdir()
  const confirmed = new Set<number>()
  for (let kill = 0, from = 0; kill < KILLS; kill++, from += 100_000) {
    for (const value of await writeUntilKilled(folder, from, 1 + Math.floor(random() * 400))) confirmed.add(value)
    const found = await readBack(t, folder)
    const held = new Set(found)
    t.equal(held.size, found.length, 'no value is there twice')
    t.same(
      [...confirmed].filter((value) => !held.has(value)),
      [],
      `kill ${kill}: all of ${confirmed.size} are there`,
    )
  }
})

t.test(`a write-ahead log that was torn anywhere costs its end at most (seed ${seed})`, async (t) => {
  const folder = t.testdir({ whole: {} })
  const whole = join(folder, 'whole')
  const before = await openLog(t, { folder: whole })
  for (let value = 0; value < MOVED; value++) await before.append([single(String(value))])
  await before.close()
  await writeUntilKilled(whole, MOVED, 600)
  // Each cut is made to a copy as the kill left it.
  const kept = join(folder, 'kept')
  cpSync(whole, kept, { recursive: true })
  const all = await readBack(t, whole)
  const walBytes = statSync(join(kept, 'log.sqlite-wal')).size
  const found: { readonly cut: number; readonly count: number }[] = []
  for (let index = 0; index < CUTS; index++) {
    const torn = join(folder, `torn-${index}`)
    cpSync(kept, torn, { recursive: true })
    const wal = join(torn, 'log.sqlite-wal')
    const cut = index === 0 ? 0 : Math.floor(random() * walBytes)
    truncateSync(wal, cut)
    // A sector that was never written holds anything.
    if (index % 3 === 2) writeFileSync(wal, Buffer.alloc(2_000, 0x5a), { flag: 'a' })
    const values = await readBack(t, torn)
    t.ok(values.length >= MOVED, 'what was in the file before is there')
    t.same(values, all.slice(0, values.length), `cut at ${cut} of ${walBytes}: a beginning of what was appended`)
    found.push({ cut, count: values.length })
  }
  found.sort((left, right) => left.cut - right.cut)
  t.same(
    found.map(({ count }) => count),
    found.map(({ count }) => count).toSorted((left, right) => left - right),
    'a longer write-ahead log holds no less',
  )
})
