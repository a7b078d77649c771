// Goal: a writer that is killed at any moment, also while it moves rows, has lost nothing it confirmed, and no row is there twice.
// Method: a program writes batch after batch and says each that is durable; it gets SIGKILL at random moments; what is in
// the store is compared with a model that was told the same batches.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openSeriesReader } from '../../platform/adapters/sqlite/series/open-reader.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { everything, never } from './time-series/implementations.ts'
import { batchOf, SENSORS } from './time-series/killed-writer.ts'
import { createSeriesModel, type SeriesModel } from './time-series/series-model.ts'

const KILLS = 12
const PROGRAM = fileURLToPath(new URL('./time-series/killed-writer.ts', import.meta.url))
const seed = Date.now() % 2 ** 31
const acme = proveTenant('acme')

t.test('a store whose writer is killed', async (t) => {
  t.comment(`seed ${seed}`)
  const random = createRandom(seed)
  const folder = t.testdir()
  const model = createSeriesModel()
  let next = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const confirmed = await writeUntilKilled({
      folder,
      from: next,
      batches: 3 + Math.floor(random() * 60),
      delayMs: random() * 12,
    })
    while (next <= confirmed) model.apply(batchOf(next++))
    next = await readBack(t, { folder, model, next })
  }
})

/** @returns the last batch that the writer said is durable. */
async function writeUntilKilled(run: { folder: string; from: number; batches: number; delayMs: number }): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, run.folder, String(run.from)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  let confirmed = run.from - 1
  for await (const line of createInterface(child.stdout)) {
    confirmed = Number(line)
    if (confirmed === run.from + run.batches) setTimeout(run.delayMs).then(() => child.kill('SIGKILL'))
  }
  await ended
  return confirmed
}

/** @returns the first batch that is not in the store: one batch may be stored although the writer could not say so any more. */
async function readBack(t: Test, { folder, model, next }: { folder: string; model: SeriesModel; next: number }): Promise<number> {
  const reader = await openSeriesReader({
    folder,
    threads: 1,
    onDeath: (error) => t.fail('A reader thread ended by itself.', { error }),
  })
  const last = await reader.range(acme, { ...everything, sensor: 's3', limit: 50_000 }, never)
  const isUnsaidStored = last.length === next + 1
  if (isUnsaidStored) model.apply(batchOf(next))
  for (let s = 0; s < SENSORS; s++) {
    const sensor = `s${s}`
    const rows = await reader.range(acme, { ...everything, sensor, limit: 50_000 }, never)
    const stored = rows.map(({ timestampMs, values }) => ({ timestampMs, values }))
    if (!t.same(stored, model.rows(sensor), `${sensor} holds what was confirmed, up to batch ${next - 1}`)) break
    const [latest] = await reader.latest(acme, [sensor], never)
    t.same(latest?.values, model.latest(sensor), `the newest values of ${sensor} are right`)
  }
  await reader.close()
  return isUnsaidStored ? next + 1 : next
}

function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
