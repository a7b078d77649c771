// Goal: no payload holds the event loop for long while it is checked, whoever made it.
// Method: the worst payloads that we could think of, measured in a process without coverage, which slows hot code; the best of several runs counts.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import type { Cost } from './ingest/measure-cost.ts'

/** Checking is one part of a turn of the event loop, which may take 50 ms. */
const COST_MS_MAX = 15
/** On a thread of its own; but those of others wait behind it. */
const LARGE_COST_MS_MAX = 200

t.test(
  `checking a payload takes less than ${COST_MS_MAX} ms, whatever it is; a large one, elsewhere, less than ${LARGE_COST_MS_MAX}`,
  async (t) => {
    const program = fileURLToPath(new URL('./ingest/measure-cost.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [program], {
      env: { ...process.env, _TAPJS_PROCESSINFO_COVERAGE_: '0' },
      maxBuffer: 1_048_576,
    })
    const costs: readonly Cost[] = JSON.parse(stdout)
    t.comment('best ms  worst ms    bytes  good  faults  payload')
    for (const { name, sizeBytes, bestMs, worstMs, accepted, faults, reason } of costs.toSorted(
      (left, right) => right.bestMs - left.bestMs,
    )) {
      const columns = [bestMs.toFixed(1).padStart(7), worstMs.toFixed(1).padStart(9), String(sizeBytes).padStart(8)]
      t.comment(`${columns.join(' ')} ${String(accepted).padStart(5)} ${String(faults).padStart(7)}  ${name} ${reason}`)
    }
    for (const { name, bestMs, isLarge } of costs)
      t.ok(bestMs < (isLarge ? LARGE_COST_MS_MAX : COST_MS_MAX), `${name}${isLarge ? ' (large)' : ''}: ${bestMs.toFixed(1)} ms`)
    t.ok(costs.filter(({ isLarge }) => !isLarge).length > 50, 'most kinds are there in small too')
  },
)
