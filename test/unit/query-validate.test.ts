import t from 'tap'
import { compileParameters } from '../../query-api/validate.ts'
import { readingsQuery } from '../../schemas/api/readings.ts'

const validate = compileParameters(readingsQuery({ byDefault: 1_000, max: 10_000 }))

const faultsOf = (input: object): object => {
  const result = validate(input)
  return 'error' in result ? result.error.details : { accepted: result.value }
}

t.test('text becomes the types of the schema, and what is left out gets its default', async (t) => {
  t.same(validate({ limit: '5', metric: 'power_w' }), { value: { limit: 5, metric: ['power_w'] } })
  t.same(validate({}), { value: { limit: 1_000, metric: [] } })
  t.same(validate({ metric: ['a', 'b'] }), { value: { limit: 1_000, metric: ['a', 'b'] } })
})

t.test('every wrong parameter is named, with what to do', async (t) => {
  t.match(faultsOf({ limit: '0', metric: 'Power', form: '1' }), {
    limit: 'It must be >= 1.',
    metric: /^It must be: lower-case letters/,
    form: /^There is no such parameter here. There are: metric, from, to, limit, cursor.$/,
  })
})

t.test('a parameter that stands there twice is refused where one is meant', async (t) => {
  t.match(faultsOf({ limit: ['1', '2'] }), { limit: /stand there once/ })
  t.match(faultsOf({ from: ['1', '2'] }), { from: /stand there once/ })
})

t.test('numbers are not guessed at', async (t) => {
  for (const limit of ['', 'ten', '1.5', 'Infinity', '0x10', '1e3', ' 5', '-1', '10001', 'null', 'true'])
    t.notMatch(faultsOf({ limit }), { accepted: {} }, limit)
})

t.test('names that mean something to JavaScript mean nothing here', async (t) => {
  t.match(faultsOf(Object.assign(Object.create(null), JSON.parse('{"__proto__":"1"}'))), { accepted: undefined })
  t.match(faultsOf({ constructor: '1' }), { constructor: /no such parameter/ })
})
