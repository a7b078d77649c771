// `npm run test:fault:scale -- --kills 1000 --faults 200 --seed 1`: two listeners, two processors and an API on real servers; kills and faults by a
// seed; everything that was acknowledged is held against a ledger in the end.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { saveResult } from '../../../bench/save-result.ts'
import { countOf, describeViolations } from '../check/violation.ts'
import { findCommit } from '../harness/report.ts'
import { runScaleCampaign } from './campaign.ts'

const SEEDS = 2 ** 31
const LINES_MAX = 40
const { values: flags } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    faults: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '240' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * SEEDS)) },
    save: { type: 'boolean', default: false },
  },
})
const [kills, faults, minutes, seed] = [flags.kills, flags.faults, flags.minutes, flags.seed].map(Number)
if (![kills, faults, minutes, seed].every(Number.isInteger)) {
  process.stderr.write('Usage: npm run test:fault:scale -- [--kills 100] [--faults 20] [--minutes 240] [--seed N] [--save]\n')
  process.exit(64)
}
const commit = findCommit()
process.stderr.write(`seed ${seed}, commit ${commit}, ${kills} kills, ${faults} faults\n`)
// PostgreSQL, which runs as another user, must get into it.
const folder = await mkdtemp('/tmp/millrace-scale-')
await chmod(folder, 0o755)
const startMs = performance.now()
const campaign = await runScaleCampaign({
  folder,
  seed: seed ?? 0,
  kills: kills ?? 0,
  faults: faults ?? 0,
  budgetMs: (minutes ?? 0) * 60_000,
  onStep(done) {
    process.stderr.write(
      `${Math.round((performance.now() - startMs) / 1000)} s: ${done.kills} kills, ${done.faults} faults (${done.kind})\n`,
    )
  },
})
const { violations, ...figures } = campaign
const sorted = [...campaign.progressMs].sort((a, b) => a - b)
const report = {
  commit,
  seed,
  cpus: cpus().length,
  cpu: cpus()[0]?.model,
  durationS: Math.round((performance.now() - startMs) / 1000),
  lost: countOf(violations, 'lost'),
  doubled: countOf(violations, 'doubled'),
  violations: violations.length,
  progressMsMedian: sorted[sorted.length >> 1],
  progressMsMax: sorted.at(-1),
  ...figures,
  progressMs: undefined,
}
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
if (flags.save) await saveResult('fault-scale', { ...report, examples: violations.slice(0, LINES_MAX) })
if (violations.length > 0) {
  process.stdout.write(`${describeViolations(violations, LINES_MAX)}\nThe folder is kept: ${folder}\n`)
  process.exitCode = 1
} else await rm(folder, { recursive: true, force: true })
