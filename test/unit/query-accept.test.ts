import t from 'tap'
import { accepts } from '../../query-api/accept.ts'

const cases: readonly (readonly [string | undefined, boolean])[] = [
  [undefined, true],
  ['', true],
  ['*/*', true],
  ['application/json', true],
  ['Application/JSON; charset=utf-8', true],
  ['application/*', true],
  ['text/html, application/xhtml+xml, */*;q=0.8', true],
  ['text/csv, application/json;q=0.1', true],
  ['text/html', false],
  ['application/xml, text/csv', false],
  ['application/json;q=0', false],
  ['application/json;q=0, */*', false],
  ['*/*;q=0', false],
  ['application/json;q=nonsense', false],
  ['jsonapplication/', false],
]

for (const [header, isAccepted] of cases) {
  t.test(`Accept: ${header ?? '(none)'} is ${isAccepted ? 'answered' : 'refused'}`, async (t) => {
    t.equal(accepts(header, 'application/json'), isAccepted)
  })
}
