// Goal: while Kafka is away nothing is acknowledged and memory stays where it is, although more gateways come; when it is back, all of it arrives.
// Method: a short `npm run test:fault:outage`.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import t from 'tap'
import { needsService } from '../services.ts'
import { describeViolations } from './check/violation.ts'
import { runOutage } from './scale/outage.ts'

const OUTAGE_MS = 40_000
const RSS_MIB_MAX = 400
const services = ['kafka', 'influx', 'postgres', 'toxiproxy'] as const

t.setTimeout(400_000)

t.test('Kafka is away', { skip: services.map(needsService).find((reason) => reason !== false) ?? false }, async (t) => {
  const folder = await mkdtemp('/tmp/millrace-outage-')
  // PostgreSQL, which runs as another user, must get into it.
  await chmod(folder, 0o755)
  const { violations, ...figures } = await runOutage({ folder, seed: 1, outageMs: OUTAGE_MS })
  t.comment(JSON.stringify(figures))
  t.equal(violations.length, 0, `every promise is kept\n${describeViolations(violations, 40)}`)
  t.ok(figures.ackedPerSecondBefore > 0 && figures.readingsOwed > 500, `${figures.readingsOwed} readings were acknowledged`)
  t.equal(figures.ackedWhileAway, 0, 'nothing was acknowledged meanwhile')
  t.ok(figures.resent > 0, 'gateways were turned away and came again')
  for (const [name, { most }] of Object.entries(figures.rssMiB)) t.ok(most < RSS_MIB_MAX, `${name} had ${most} MiB at the most`)
  await rm(folder, { recursive: true, force: true })
})
