import t from 'tap'
import { parseTotals } from '../../.ci/parse-totals.ts'

// Goal: CI never reports a run as better than it was.
t.test('the last totals count, and what is left out is zero', async (t) => {
  const output = 'ok 1 - a\n    # { total: 9, pass: 9 }\n# { total: 10, pass: 8, fail: 1, skip: 1 }\n# time=5ms\n'
  t.same(parseTotals(output), { pass: 8, fail: 1, skip: 1, todo: 0 })
})

t.test('only the run itself is believed, not what a test printed further in', async (t) => {
  t.equal(parseTotals('    # { total: 9, pass: 9 }\n'), undefined)
})

t.test('a run that broke off has no totals', async (t) => {
  t.equal(parseTotals(''), undefined)
  t.equal(parseTotals('ok 1 - a\nBail out! no disk\n# { total: 1, pass: 1 }\n'), undefined)
})
