// Goal: every time-series store keeps the promises of its writer, so that the parts need not know which one they have.
// Method: the same suite against each implementation, over a real file or server. Readers have a file of their own.
import fc from 'fast-check'
import t from 'tap'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import {
  type Counts,
  everything,
  never,
  openForTest,
  outcomeOf,
  point,
  seriesImplementations,
  T0,
} from './time-series/implementations.ts'

const acme = proveTenant('acme')

for (const implementation of seriesImplementations) {
  const outcome = (counts: Counts & { rejected?: readonly object[] }) => outcomeOf(implementation, counts)

  t.test(`${implementation.name}: time-series writer`, { skip: implementation.skip ?? false }, async (t) => {
    t.test('gives back everything of a reading', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const plain = point({ power_w: 1234.5, energy_wh: 998_877 })
      const rich = point(
        { power_w: 2 },
        { timestampMs: T0 + 1, timeSource: 'gateway', sequence: Number.MAX_SAFE_INTEGER, quality: 'uncertain' },
      )
      t.same(await writer.write([plain, rich], never), outcome({ stored: 3 }))
      t.same(await reader.range(acme, everything, never), [
        { timestampMs: T0, receivedMs: T0 + 500, timeSource: 'device', values: plain.values },
        {
          timestampMs: T0 + 1,
          receivedMs: T0 + 501,
          timeSource: 'gateway',
          sequence: Number.MAX_SAFE_INTEGER,
          values: rich.values,
          qualities: new Map([['power_w', 'uncertain']]),
        },
      ])
    })

    t.test('accepts a repeated batch without storing anything twice', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const batch = [1, 2, 3, 4, 5].map((n) => point({ power_w: n, energy_wh: n }, { timestampMs: T0 + n }))
      t.same(await writer.write(batch, never), outcome({ stored: 10 }))
      const before = await reader.range(acme, everything, never)
      t.same(await writer.write(batch, never), outcome({ duplicates: 10 }))
      t.same(await writer.write(batch.toReversed(), never), outcome({ duplicates: 10 }))
      t.same(await reader.range(acme, everything, never), before)
    })

    t.test('merges points of the same time, metric by metric', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      for (let n = 1; n <= 6; n++) await writer.write([point({ power_w: n }, { timestampMs: T0 + n })], never)
      const addition = point({ power_w: 1, energy_wh: 7 }, { timestampMs: T0 + 1 })
      t.same(await writer.write([addition], never), outcome({ stored: 1, duplicates: 1 }))
      const [row, ...others] = await reader.range(acme, everything, never)
      t.same(row?.values, addition.values)
      t.equal(others.length, 5)
    })

    t.test('lets the last value of a reading win, and counts the conflict', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      for (let n = 1; n <= 6; n++) await writer.write([point({ power_w: n }, { timestampMs: T0 + n })], never)
      const correction = point({ power_w: 99 }, { timestampMs: T0 + 1, quality: 'estimated', receivedMs: T0 + 9_000 })
      t.same(await writer.write([correction], never), outcome({ conflicts: 1 }))
      const [row] = await reader.range(acme, everything, never)
      t.match(row, { receivedMs: T0 + 9_000, values: new Map([['power_w', 99]]), qualities: new Map([['power_w', 'estimated']]) })
    })

    t.test('tells a changed quality and a changed sign of zero from a duplicate', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      await writer.write([point({ power_w: 0 })], never)
      t.same(await writer.write([point({ power_w: -0 })], never), outcome({ conflicts: 1 }))
      t.same(await writer.write([point({ power_w: -0 }, { quality: 'bad' })], never), outcome({ conflicts: 1 }))
      const [row] = await reader.range(acme, everything, never)
      t.ok(Object.is(row?.values.get('power_w'), -0))
      t.same(row?.qualities, new Map([['power_w', 'bad']]))
    })

    t.test('lets later points of the same batch win', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const batch = [point({ a: 1 }), point({ a: 2, b: 1 }), point({ b: 1, c: 3 })]
      t.same(await writer.write(batch, never), outcome({ stored: 3, duplicates: 1, conflicts: 1 }))
      const rows = await reader.range(acme, everything, never)
      t.same(
        rows.map((row) => row.values),
        [new Map(Object.entries({ a: 2, b: 1, c: 3 }))],
      )
    })

    t.test('takes readings in any order and returns them by time', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const times = [5, 1, 9, 3, 7, 2, 8, 4, 6, 0]
      for (const n of times) await writer.write([point({ power_w: n }, { timestampMs: T0 + n })], never)
      const rows = await reader.range(acme, everything, never)
      t.same(
        rows.map((row) => [row.timestampMs - T0, row.values.get('power_w')]),
        times.toSorted().map((n) => [n, n]),
      )
    })

    t.test('refuses the one bad point and not its neighbours', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
      const batch = [1, ...bad, 5].map((value, n) => point({ fine: n, power_w: value }, { timestampMs: T0 + n }))
      const result = await writer.write(batch, never)
      t.match(result, outcome({ stored: 4, rejected: bad.map((_, n) => ({ index: n + 1, reason: 'store.refused' })) }))
      const rows = await reader.range(acme, everything, never)
      t.same(
        rows.map((row) => row.timestampMs - T0),
        [0, 4],
      )
    })

    t.test('refuses a sensor too many, and no other point', async (t) => {
      const { writer, reader } = await openForTest(t, implementation, { sensorsPerTenantMax: 2 })
      const batch = ['s1', 's2', 's3', 's1'].map((sensor, n) => point({ power_w: n }, { sensor, timestampMs: T0 + n }))
      t.match(await writer.write(batch, never), { stored: 3, rejected: [{ index: 2, reason: 'store.sensor-limit' }] })
      t.match(await writer.write([point({ power_w: 1 }, { tenant: 'bolt', sensor: 's3' })], never), { stored: 1, rejected: [] })
      t.same(
        (await reader.latest(acme, ['s1', 's2', 's3'], never)).map((latest) => latest.sensor),
        ['s1', 's2'],
      )
    })

    t.test('refuses a metric too many, and no other point', async (t) => {
      const { writer, reader } = await openForTest(t, implementation, { metricsPerTenantMax: 3 })
      const batch = [
        point({ a: 1, b: 1 }),
        point({ c: 2, d: 2 }, { timestampMs: T0 + 1 }),
        point({ c: 3 }, { timestampMs: T0 + 2 }),
      ]
      t.match(await writer.write(batch, never), { stored: 3, rejected: [{ index: 1, reason: 'store.metric-limit' }] })
      const other = point({ d: 1 }, { timestampMs: T0 + 3 })
      t.match(await writer.write([other], never), { stored: 0, rejected: [{ index: 0, reason: 'store.metric-limit' }] })
      t.match(await writer.write([{ ...other, tenant: 'bolt' }], never), { stored: 1, rejected: [] })
      const rows = await reader.range(acme, everything, never)
      t.same(
        rows.map((row) => [...row.values.keys()]),
        [['a', 'b'], ['c']],
      )
    })

    t.test('gives back every finite double bit for bit', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const remarkable = [
        0,
        -0,
        5e-324,
        -5e-324,
        2 ** -1022 - 2 ** -1074,
        Number.MAX_VALUE,
        -Number.MAX_VALUE,
        0.1 + 0.2,
        2 ** 53 + 2,
      ]
      const finite = fc
        .bigInt(0n, 2n ** 64n - 1n)
        .map(doubleOf)
        .filter(Number.isFinite)
      const values = fc.array(fc.oneof(fc.constantFrom(...remarkable), finite), { minLength: 1, maxLength: 40 })
      let fromMs = T0
      await fc.assert(
        fc.asyncProperty(values, async (sent) => {
          fromMs += 1_000
          await writer.write(
            sent.map((value, n) => point({ power_w: value }, { timestampMs: fromMs + n })),
            never,
          )
          const rows = await reader.range(acme, { ...everything, fromMs, toMs: fromMs + 1_000 }, never)
          const received = rows.map((row) => row.values.get('power_w') ?? Number.NaN)
          return received.length === sent.length && received.every((value, n) => bitsOf(value) === bitsOf(sent[n] ?? Number.NaN))
        }),
        { numRuns: 50, examples: [[remarkable]] },
      )
    })

    t.test('keeps everything when it is closed and opened again', async (t) => {
      const place = t.testdir()
      const first = await implementation.open(place)
      const batch = [1, 2, 3, 4, 5].map((n) => point({ power_w: n }, { timestampMs: T0 + n, sensor: `s${n % 2}` }))
      await first.writer.write(batch, never)
      await first.close()
      const second = await implementation.open(place)
      t.teardown(() => second.close())
      t.same(await second.writer.write(batch, never), outcome({ duplicates: 5 }))
      const more = [point({ energy_wh: 1 }, { sensor: 's1', timestampMs: T0 + 9 }), point({ power_w: 0 }, { sensor: 's1' })]
      t.same(await second.writer.write(more, never), outcome({ stored: 2 }))
      const rows = await second.reader.range(acme, { ...everything, sensor: 's1' }, never)
      t.same(
        rows.map((row) => row.timestampMs - T0),
        [0, 1, 3, 5, 9],
      )
    })

    t.test('writes nothing once its signal has fired', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      await t.rejects(writer.write([point({ power_w: 1 })], AbortSignal.abort()), { name: 'AbortError' })
      t.same(await reader.range(acme, everything, never), [])
    })

    t.test('accepts an empty batch', async (t) => {
      const { writer } = await openForTest(t, implementation)
      t.same(await writer.write([], never), outcome({}))
    })
  })
}

function doubleOf(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}

function bitsOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0)
}
