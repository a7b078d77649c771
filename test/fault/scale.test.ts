// Goal: at scale, what was acknowledged survives every kill and every fault of the servers and the network, exactly once and in its own
// tenant; offsets never go back; all goes on within 30 s; memory is flat.
// Method: a share of `npm run test:fault:scale`: two listeners, two processors and an API, on real servers behind wires that can fail.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import t from 'tap'
import { needsService } from '../services.ts'
import { describeViolations } from './check/violation.ts'
import { runScaleCampaign } from './scale/campaign.ts'

const MINUTES = Number(process.env.FAULT_MINUTES ?? '1')
const MINUTE_MS = 60_000
/** More than all that is waited for may take: what takes too long is a violation, by its name, and not a time-out of the test. */
const AROUND_MS = 700_000
const LINES_MAX = 40
const services = ['kafka', 'influx', 'postgres', 'toxiproxy'] as const

t.setTimeout(MINUTES * MINUTE_MS + AROUND_MS)

t.test(
  'Millrace at scale, under faults',
  { skip: services.map(needsService).find((reason) => reason !== false) ?? false },
  async (t) => {
    const seed = Date.now() % 2 ** 31
    t.comment(`seed ${seed}`)
    const folder = await mkdtemp('/tmp/millrace-scale-')
    // PostgreSQL, which runs as another user, must get into it.
    await chmod(folder, 0o755)
    const campaign = await runScaleCampaign({ folder, seed, kills: 10_000, faults: 2_000, budgetMs: MINUTES * MINUTE_MS })
    const { violations, kills, faults, readingsOwed, readingsInApi, readingsInInflux, rssMiB } = campaign
    t.comment(JSON.stringify({ ...campaign, violations: violations.length }))
    t.equal(violations.length, 0, `every promise is kept\n${describeViolations(violations, LINES_MAX)}`)
    t.ok(kills >= 5 && faults >= 2, `${kills} kills, ${faults} faults`)
    t.ok(readingsOwed > 500, `${readingsOwed} readings were acknowledged`)
    t.ok(readingsInApi >= readingsOwed && readingsInInflux === readingsInApi, 'API and store hold the same')
    for (const [name, { early, most }] of Object.entries(rssMiB))
      t.ok(early > 0 && most > 0, `${name} was looked at: ${early} MiB, and ${most} at the most`)
    if (violations.length === 0) await rm(folder, { recursive: true, force: true })
    else t.comment(`The folder is kept: ${folder}`)
  },
)
