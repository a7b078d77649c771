import { readFileSync } from 'node:fs'
import { parseTotals } from './parse-totals.ts'

// node .ci/count-results.ts FILE STATUS: prints what became of tap's run, from the TAP that it wrote to FILE and its exit
// status. What is counted are assertions, as tap counts them; a file that broke counts as one that failed.
const [file = '', status = '1'] = process.argv.slice(2)
const totals = parseTotals(readFileSync(file, 'utf8'))

if (totals === undefined) process.stderr.write('tap broke off: its result has no totals.\n')
else if (totals.skip + totals.todo > 0) process.stderr.write(`Not run: ${totals.skip} skipped, ${totals.todo} to do.\n`)
if (status !== '0' && totals?.fail === 0) {
  process.stderr.write(`tap ended with ${status} although nothing failed: the coverage lies below what .taprc asks, see above.\n`)
}
const { pass, fail } = totals ?? { pass: 0, fail: 1 }
process.stdout.write(`${pass} passed, ${fail} failed\n`)
process.exitCode = totals !== undefined && fail === 0 && pass > 0 && status === '0' ? 0 : 1
