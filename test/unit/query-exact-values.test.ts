import fc from 'fast-check'
import t from 'tap'
import { toRow } from '../../query-api/readings-page.ts'
import { rowKey } from '../../schemas/api/readings.ts'

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const base = { timestampMs: Date.UTC(2025, 10, 24, 16), receivedMs: 0, timeSource: 'device' } as const
const finite = fc.double({ noDefaultInfinity: true, noNaN: true })

t.test(`every float64 comes back bit for bit, -0 included (seed ${seed})`, async () => {
  fc.assert(
    fc.property(
      fc.oneof(finite, fc.constantFrom(-0, 0, Number.MIN_VALUE, -Number.MAX_VALUE, 2 ** 53 + 2, 0.1 + 0.2)),
      (value) => {
        const text = JSON.stringify(toRow({ ...base, values: new Map([['power_w', value]]) }))
        return Object.is(JSON.parse(text).power_w, value)
      },
    ),
    { seed, numRuns: 5_000 },
  )
})

t.test(`every metric has its own key, whatever its name (seed ${seed})`, async () => {
  const names = fc.oneof(
    fc.stringMatching(/^[a-z][a-z0-9_]{0,63}$/),
    fc.constantFrom('ts', 'quality', 'seq', 'timesource', 'constructor', 'to_json'),
  )
  fc.assert(
    fc.property(fc.uniqueArray(names, { minLength: 1, maxLength: 20 }), (metrics) => {
      const values = new Map(metrics.map((metric, index) => [metric, index]))
      const qualities = new Map([[metrics[0] ?? '', 'bad' as const]])
      const row = JSON.parse(JSON.stringify(toRow({ ...base, timeSource: 'receipt', sequence: 7, values, qualities })))
      return (
        metrics.every((metric, index) => row[rowKey(metric)] === index) &&
        row.ts === '2025-11-24T16:00:00.000Z' &&
        row.seq === 7 &&
        row.timeSource === 'receipt' &&
        row.quality[metrics[0] ?? ''] === 'bad' &&
        Object.keys(row).length === metrics.length + 4
      )
    }),
    { seed },
  )
})

t.test('an ordinary row is as plain as the contract says', async (t) => {
  const values = new Map([
    ['power_w', 1234.5],
    ['energy_wh', 998877],
  ])
  t.equal(JSON.stringify(toRow({ ...base, values })), '{"ts":"2025-11-24T16:00:00.000Z","power_w":1234.5,"energy_wh":998877}')
})
