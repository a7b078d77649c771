// Goal: what was acknowledged survives every kill, exactly once and unaltered; nothing else appears; the product comes back each time.
// Method: 20 of the kills of `npm run test:fault`, of every kind; the ledger is written and fsynced outside the process before each send.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { describeViolations } from './check/violation.ts'
import { runCampaign } from './harness/campaign.ts'
import { findCommit, summarise } from './harness/report.ts'

const KILLS = 20
const KILLS_IN_FLIGHT_MIN = 8
const MESSAGES_MIN = 500
const LINES_MAX = 30

t.test('the product under load, killed at random moments', async (t) => {
  const seed = Date.now() % 2 ** 31
  const startMs = performance.now()
  t.comment(`seed ${seed}`)
  const folder = await mkdtemp(join(tmpdir(), 'millrace-fault-'))
  const campaign = await runCampaign({ folder, seed, kills: KILLS })
  t.comment(
    summarise(campaign, { commit: findCommit(), seed, kills: KILLS, durationMs: Math.round(performance.now() - startMs) }),
  )

  const { violations, killsInFlight, messages, readingsOwed } = campaign
  t.equal(violations.length, 0, `every promise is kept\n${describeViolations(violations, LINES_MAX)}`)
  t.ok(killsInFlight >= KILLS_IN_FLIGHT_MIN, `enough kills hit messages in flight: ${killsInFlight}`)
  t.ok(messages.acknowledged >= MESSAGES_MIN, `enough messages were acknowledged: ${messages.acknowledged}`)
  t.ok(readingsOwed > messages.acknowledged, 'some messages had many readings')
  if (violations.length === 0) await rm(folder, { recursive: true })
  else t.comment(`The folder is kept: ${folder}`)
})
