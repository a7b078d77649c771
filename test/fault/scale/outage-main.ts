// `npm run test:fault:outage -- --minutes 5`: Kafka is away for so long while twice as many gateways send; nothing is acknowledged meanwhile, memory
// stays, everything arrives afterwards.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { saveResult } from '../../../bench/save-result.ts'
import { describeViolations } from '../check/violation.ts'
import { findCommit } from '../harness/report.ts'
import { runOutage } from './outage.ts'

const MINUTE_MS = 60_000
const LINES_MAX = 40
const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    gateways: { type: 'string', default: '10' },
    save: { type: 'boolean', default: false },
  },
})
const [minutes, seed, gatewaysPerTenant] = [Number(flags.minutes), Number(flags.seed), Number(flags.gateways)]
if (!(minutes > 0) || !Number.isInteger(seed) || !Number.isInteger(gatewaysPerTenant)) {
  process.stderr.write('Usage: npm run test:fault:outage -- [--minutes 5] [--gateways 10] [--seed 1] [--save]\n')
  process.exit(64)
}
// PostgreSQL, which runs as another user, must get into it.
const folder = await mkdtemp('/tmp/millrace-outage-')
await chmod(folder, 0o755)
const { violations, ...figures } = await runOutage({
  folder,
  seed,
  outageMs: minutes * MINUTE_MS,
  gatewaysPerTenant,
  onSample: (sample) => void process.stderr.write(`${JSON.stringify(sample)}\n`),
})
const report = { commit: findCommit(), seed, violations: violations.length, ...figures }
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`)
if (flags.save) await saveResult('kafka-outage', { ...report, examples: violations.slice(0, LINES_MAX) })
if (violations.length > 0) {
  process.stdout.write(`${describeViolations(violations, LINES_MAX)}\nThe folder is kept: ${folder}\n`)
  process.exitCode = 1
} else await rm(folder, { recursive: true, force: true })
