import fc from 'fast-check'
import t from 'tap'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { createCursor } from '../../query-api/cursor.ts'

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const cursor = createCursor<readonly number[]>({
  type: 'array',
  minItems: 2,
  maxItems: 2,
  items: { type: 'integer', minimum: 0 },
})
const binding = { tenant: 'acme', route: 'readings', filters: ['press-1', ['power_w'], undefined, '2025-11-24T16:00:00Z'] }

const refusalOf = (work: () => unknown): string => {
  try {
    return `accepted: ${JSON.stringify(work())}`
  } catch (error) {
    return error instanceof MillraceError && error.code === 'query.invalid' ? String(error.details.cursor) : String(error)
  }
}

t.test('a cursor gives back its position, and fits a URL as it is', async (t) => {
  const text = cursor.encode(binding, [1, 2])
  t.match(text, /^[A-Za-z0-9_-]+$/)
  t.same(cursor.decode(binding, text), [1, 2])
})

t.test('a cursor is of no use with another tenant, route or filter', async (t) => {
  const text = cursor.encode(binding, [1, 2])
  for (const other of [
    { tenant: 'rival' },
    { route: 'sensors' },
    { filters: ['press-2'] },
    { filters: [...binding.filters, undefined] },
  ]) {
    t.match(
      refusalOf(() => cursor.decode({ ...binding, ...other }, text)),
      /another question/,
      JSON.stringify(other),
    )
  }
})

t.test('a cursor whose position was forged is refused by the schema', async (t) => {
  const loose = createCursor<unknown>({})
  for (const position of [null, [], [1], [1, 2, 3], [1, -2], [1, 1.5], ['1', 2], { length: 2 }]) {
    t.match(
      refusalOf(() => cursor.decode(binding, loose.encode(binding, position))),
      /not a cursor/,
      JSON.stringify(position),
    )
  }
})

t.test(`any other text is refused and breaks nothing (seed ${seed})`, async () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String(),
        fc.json().map((json) => Buffer.from(json).toString('base64url')),
      ),
      (text) => /not a cursor|another question/.test(refusalOf(() => cursor.decode(binding, text))),
    ),
    { seed },
  )
})
