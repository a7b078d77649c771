// `npm run test:fault -- --kills 200 --seed 1`: kills the product at random moments under load, and holds what it kept against a ledger.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeViolations } from './check/violation.ts'
import { runCampaign } from './harness/campaign.ts'
import { findCommit, saveRun, summarise } from './harness/report.ts'

const KILLS_DEFAULT = '200'
const SEEDS = 2 ** 31
const PROGRESS_EVERY_KILLS = 10
const LINES_MAX = 30

const { values: flags } = parseArgs({
  options: {
    kills: { type: 'string', default: KILLS_DEFAULT },
    seed: { type: 'string', default: String(Math.floor(Math.random() * SEEDS)) },
    save: { type: 'boolean', default: false },
  },
})
const kills = Number(flags.kills)
const seed = Number(flags.seed)
if (!Number.isInteger(kills) || kills < 1 || !Number.isInteger(seed)) {
  process.stderr.write('Usage: npm run test:fault -- [--kills 200] [--seed N] [--save]\n')
  process.exit(64)
}

const commit = findCommit()
process.stderr.write(`seed ${seed}, commit ${commit}, ${kills} kills\n`)
const folder = await mkdtemp(join(tmpdir(), 'millrace-fault-'))
const startMs = performance.now()
const campaign = await runCampaign({
  folder,
  seed,
  kills,
  onKill(kill) {
    if (kill % PROGRESS_EVERY_KILLS === 0)
      process.stderr.write(`${kill} kills, ${Math.round((performance.now() - startMs) / 1000)} s\n`)
  },
}).catch((error: unknown) => {
  process.stderr.write(`The run broke off; its folder is kept: ${folder}\n`)
  throw error
})
const facts = { commit, seed, kills, durationMs: Math.round(performance.now() - startMs) }
process.stdout.write(`${summarise(campaign, facts)}\n`)
if (flags.save) process.stderr.write(`${await saveRun(campaign, facts)}\n`)
if (campaign.violations.length > 0) {
  process.stdout.write(`${describeViolations(campaign.violations, LINES_MAX)}\nThe folder is kept: ${folder}\n`)
  process.exitCode = 1
} else {
  await rm(folder, { recursive: true })
}
