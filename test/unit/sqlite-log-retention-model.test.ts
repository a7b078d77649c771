// Goal: whatever is appended, committed and retained in whatever order, exactly that is deleted which may go.
// Method: fast-check makes histories; the real log and a model of a few lines live through them; what is left must be the same.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { batchesLeft, openFileLog } from './sqlite-log/file-log.ts'

const RETENTION_MS = 1_000
const PARTITIONS = [0, 1] as const
const RUNS = 60
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const topics = [{ name: 'orders', partitions: PARTITIONS.length, retentionMs: RETENTION_MS }]

const group = fc.constantFrom('one', 'two')
const partition = fc.constantFrom(...PARTITIONS)
const stepOf = <const K extends string, T extends object>(kind: K, fields: { [P in keyof T]: fc.Arbitrary<T[P]> }) =>
  fc.record(fields).map((values) => ({ kind, ...values }))
const step = fc.oneof(
  stepOf('append', { partition, count: fc.integer({ min: 1, max: 4 }), afterMs: fc.nat(400) }),
  stepOf('register', { group }),
  stepOf('commit', { group, partition, back: fc.nat(6) }),
  stepOf('retain', { afterMs: fc.nat(1_500) }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

interface Batch {
  readonly base: number
  readonly count: number
  readonly timeMs: number
}

/** What the log must hold, said as plainly as can be. */
function createModel() {
  const batches = PARTITIONS.map((): Batch[] => [])
  const ends = PARTITIONS.map(() => 0)
  const committed = new Map<string, number[]>()

  return {
    end: (of: number): number => ends[of] ?? 0,
    knows: (name: string): boolean => committed.has(name),
    append(to: number, count: number, timeMs: number): void {
      batches[to]?.push({ base: ends[to] ?? 0, count, timeMs })
      ends[to] = (ends[to] ?? 0) + count
    },
    register(name: string): void {
      if (committed.has(name)) return
      committed.set(
        name,
        batches.map(([first]) => first?.base ?? 0),
      )
    },
    commit(name: string, of: number, offset: number): void {
      const offsets = committed.get(name)
      if (offsets !== undefined) offsets[of] = Math.max(offset, offsets[of] ?? 0)
    },
    retain(nowMs: number): void {
      for (const [of, list] of batches.entries()) {
        const until = Math.min(...[...committed.values()].map((offsets) => offsets[of] ?? 0))
        const mayGo = ({ base, count, timeMs }: Batch): boolean => timeMs < nowMs - RETENTION_MS && base + count <= until
        for (let [first] = list; list.length > 1 && first !== undefined && mayGo(first); [first] = list) list.shift()
      }
    },
    left: () => batches.map((list) => list.map(({ base, count }) => [base, count])),
  }
}

function live(log: ReturnType<typeof openFileLog>, steps: readonly Step[]) {
  const model = createModel()
  let nowMs = 0
  for (const one of steps) {
    if (one.kind === 'register') {
      log.store.register(one.group, ['orders'])
      model.register(one.group)
    } else if (one.kind === 'append') {
      nowMs += one.afterMs
      log.setClock(nowMs)
      log.append(
        'orders',
        one.partition,
        Array.from({ length: one.count }, () => 'x'),
      )
      model.append(one.partition, one.count, nowMs)
    } else if (one.kind === 'retain') {
      nowMs += one.afterMs
      log.deleteAll(nowMs)
      model.retain(nowMs)
    } else if (model.knows(one.group)) {
      const offset = Math.max(0, model.end(one.partition) - one.back)
      log.store.commit(one.group, [{ topic: 'orders', partition: one.partition, offset }])
      model.commit(one.group, one.partition, offset)
    }
  }
  return model.left()
}

t.test(`retention agrees with its model over random histories (seed ${seed})`, async (t) => {
  const folder = t.testdir()
  let run = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const place = join(folder, String(run++))
      mkdirSync(place)
      const log = openFileLog(t, { folder: place, topics })
      const expected = live(log, steps)
      const left = PARTITIONS.map((of) => batchesLeft(log.database, of))
      log.close()
      return JSON.stringify(left) === JSON.stringify(expected)
    }),
    { seed, numRuns: RUNS },
  )
  t.equal(run >= RUNS, true)
})
