import fc from 'fast-check'
import t from 'tap'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { formatInstant, parseInstant } from '../../query-api/parse-instant.ts'

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const noon = Date.UTC(2025, 10, 24, 12)

const refusalOf = (text: string): string => {
  try {
    return `accepted as ${parseInstant('from', text)}`
  } catch (error) {
    return error instanceof MillraceError && error.code === 'query.invalid' ? String(error.details.from) : String(error)
  }
}

t.test('reads RFC 3339 with any offset, and epoch milliseconds', async (t) => {
  t.equal(parseInstant('from', '2025-11-24T12:00:00Z'), noon)
  t.equal(parseInstant('from', '2025-11-24t12:00:00z'), noon)
  t.equal(parseInstant('from', '2025-11-24 12:00:00Z'), noon)
  t.equal(parseInstant('from', '2025-11-24T13:00:00+01:00'), noon)
  t.equal(parseInstant('from', '2025-11-24T06:30:00-05:30'), noon)
  t.equal(parseInstant('from', String(noon)), noon)
  t.equal(parseInstant('from', '0'), 0)
})

t.test('takes a + that a URL turned into a space for the + it was', async (t) => {
  t.equal(parseInstant('from', '2025-11-24T13:00:00 01:00'), noon)
})

t.test('rounds what is finer than a millisecond up, so that [from, to) keeps its meaning', async (t) => {
  t.equal(parseInstant('from', '2025-11-24T12:00:00.001Z'), noon + 1)
  t.equal(parseInstant('from', '2025-11-24T12:00:00.0010001Z'), noon + 2)
  t.equal(parseInstant('from', '2025-11-24T12:00:00.5Z'), noon + 500)
})

t.test('refuses what is no instant', async (t) => {
  const wrong = ['', 'yesterday', '2025-11-24', '2025-11-24T12:00:00', '2025-02-30T00:00:00Z', '2025-13-01T00:00:00Z', '-1']
  const more = [
    '2025-11-24T24:00:00Z',
    '2025-11-24T23:59:60Z',
    '2025-11-24T12:00:00+24:00',
    '1969-12-31T23:59:59Z',
    '999999999999999',
    '1e12',
    'NaN',
  ]
  for (const text of [...wrong, ...more]) t.match(refusalOf(text), /not an instant/, text)
})

t.test('tells who sends seconds what to send', async (t) => {
  t.equal(refusalOf('1764000000'), 'It looks like seconds. Write milliseconds: 1764000000000.')
})

t.test(`reads back every instant that it writes (seed ${seed})`, async () => {
  const instants = fc.integer({ min: 10_000_000_000, max: 253_402_300_799_999 })
  fc.assert(
    fc.property(
      instants,
      (instantMs) =>
        parseInstant('to', formatInstant(instantMs)) === instantMs && parseInstant('to', String(instantMs)) === instantMs,
    ),
    { seed },
  )
})
