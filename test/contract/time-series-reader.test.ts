// Goal: every time-series store keeps the promises of its reader: ranges, newest values, tenants apart, nothing seen twice.
// Method: the same suite against each implementation, over a real file or server.
import t from 'tap'
import { proveTenant, type TenantScope } from '../../platform/ports/tenant-scope.ts'
import { everything, never, openForTest, point, seriesImplementations, T0 } from './time-series/implementations.ts'

const acme = proveTenant('acme')
const bolt = proveTenant('bolt')

for (const implementation of seriesImplementations) {
  t.test(`${implementation.name}: time-series reader`, { skip: implementation.skip ?? false }, async (t) => {
    t.test('answers before the first write', async (t) => {
      const { reader } = await openForTest(t, implementation)
      t.same(await reader.range(acme, everything, never), [])
      t.same(await reader.latest(acme, ['press-1'], never), [])
    })

    t.test('takes ranges as half-open, so that adjacent ones add up', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      await writer.write(
        [0, 1, 2, 3, 4, 5].map((n) => point({ power_w: n }, { timestampMs: T0 + n })),
        never,
      )
      const timesOf = async (from: number, to: number) =>
        (await reader.range(acme, { ...everything, fromMs: T0 + from, toMs: T0 + to }, never)).map((row) => row.timestampMs - T0)
      t.same(await timesOf(0, 3), [0, 1, 2])
      t.same(await timesOf(3, 6), [3, 4, 5])
      t.same(await timesOf(2, 2), [])
      t.same(await timesOf(4, 2), [])
    })

    t.test('returns only rows with an asked metric, and only the asked metrics', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      await writer.write(
        [
          point({ a: 1, b: 1 }, { timestampMs: T0 }),
          point({ c: 2 }, { timestampMs: T0 + 1 }),
          point({ b: 3 }, { timestampMs: T0 + 2 }),
        ],
        never,
      )
      const ask = (metrics: string[]) => reader.range(acme, { ...everything, metrics }, never)
      t.same(
        (await ask(['b', 'unheard_of'])).map((row) => [row.timestampMs - T0, ...row.values]),
        [
          [0, ['b', 1]],
          [2, ['b', 3]],
        ],
      )
      t.same(await ask(['unheard_of']), [])
      t.equal((await ask([])).length, 3)
    })

    t.test('is paged by asking again from the last time + 1', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      for (let n = 0; n < 25; n++)
        await writer.write([point({ [n % 2 ? 'odd' : 'even']: n }, { timestampMs: T0 + n * 7 })], never)
      const seen: number[] = []
      let fromMs = T0
      for (;;) {
        const page = await reader.range(acme, { ...everything, metrics: ['odd'], fromMs, limit: 5 }, never)
        seen.push(...page.map((row) => row.values.get('odd') ?? Number.NaN))
        const last = page.at(-1)
        if (page.length < 5 || last === undefined) break
        fromMs = last.timestampMs + 1
      }
      t.same(
        seen,
        Array.from({ length: 12 }, (_, n) => 2 * n + 1),
      )
    })

    t.test('gives the newest value of each metric, whatever arrived last', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      await writer.write([point({ energy_wh: 1, power_w: 1 }, { timestampMs: T0, quality: 'bad', receivedMs: T0 + 10 })], never)
      for (let n = 1; n <= 8; n++)
        await writer.write([point({ power_w: n }, { timestampMs: T0 + n, receivedMs: T0 + 20 })], never)
      const late = point({ energy_wh: -1, power_w: -1 }, { timestampMs: T0 - 5, receivedMs: T0 + 9_999 })
      await writer.write([late], never)
      await writer.write([point({ power_w: -2 }, { timestampMs: T0 - 6, receivedMs: T0 + 30 })], never)
      t.same(await reader.latest(acme, ['press-1'], never), [
        {
          sensor: 'press-1',
          lastSeenMs: T0 + 9_999,
          values: [
            { metric: 'energy_wh', timestampMs: T0, value: 1, quality: 'bad' },
            { metric: 'power_w', timestampMs: T0 + 8, value: 8 },
          ],
        },
      ])
    })

    t.test('knows when a sensor was heard last, also where a writer that has just started gets its backlog', async (t) => {
      const folder = t.testdir()
      const heardMs = T0 + 7_200_000
      const first = await implementation.open(folder)
      await first.writer.write([point({ a: 1 }, { timestampMs: heardMs, receivedMs: heardMs })], never)
      await first.close()
      const { writer, reader, close } = await implementation.open(folder)
      t.teardown(close)
      for (let n = 1; n <= 6; n++) {
        const times = { timestampMs: T0 + n * 1_000, receivedMs: heardMs + n * 300_000 }
        await writer.write([point({ a: n }, times)], never)
      }
      const [latest] = await reader.latest(acme, ['press-1'], never)
      t.equal(latest?.lastSeenMs, heardMs + 6 * 300_000)
    })

    t.test('finds the newest value of a metric that fell silent thousands of rows ago', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const rows = Array.from({ length: 3_000 }, (_, n) => point({ power_w: n }, { timestampMs: T0 + n }))
      await writer.write([point({ started: 1, power_w: -1 }, { timestampMs: T0 - 1 }), ...rows], never)
      await writer.write([point({ started: 2 }, { timestampMs: T0 + 7 })], never)
      const [latest] = await reader.latest(acme, ['press-1'], never)
      t.same(latest?.values, [
        { metric: 'power_w', timestampMs: T0 + 2_999, value: 2_999 },
        { metric: 'started', timestampMs: T0 + 7, value: 2 },
      ])
    })

    t.test('gives the newest values of a thousand sensors, without those that have none', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const names = Array.from({ length: 999 }, (_, n) => `s${n}`)
      await writer.write(
        names.map((sensor, n) => point({ power_w: n }, { sensor })),
        never,
      )
      const latest = await reader.latest(acme, [...names, 'unheard-of'], never)
      t.same(new Map(latest.map(({ sensor, values }) => [sensor, values[0]?.value])), new Map(names.map((name, n) => [name, n])))
      await t.rejects(reader.latest(acme, [...names, 'x', 'y'], never), { code: 'query.invalid' })
    })

    t.test('keeps tenants apart, also where their sensors are called the same', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      await writer.write([point({ power_w: 1 }), point({ power_w: 2, secret: 3 }, { tenant: 'bolt' })], never)
      const valuesOf = async (scope: TenantScope) => (await reader.range(scope, everything, never)).map((row) => [...row.values])
      t.same(await valuesOf(acme), [[['power_w', 1]]])
      t.same(await valuesOf(proveTenant('nobody')), [])
      t.same((await valuesOf(bolt)).flat().toSorted(), [
        ['power_w', 2],
        ['secret', 3],
      ])
      t.match(await reader.latest(acme, ['press-1'], never), [{ values: [{ metric: 'power_w', value: 1 }] }])
      t.match(await reader.latest(bolt, ['press-1'], never), [{ values: [{ value: 2 }, { value: 3 }] }])
    })

    t.test('refuses a scope that was copied instead of proven', async (t) => {
      const { reader } = await openForTest(t, implementation)
      const forged = { ...acme }
      await t.rejects(reader.range(forged, everything, never), TypeError)
      await t.rejects(reader.latest(forged, ['press-1'], never), TypeError)
    })

    t.test('sees sensors and metrics as soon as the write that brought them has resolved', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      for (let n = 0; n < 40; n++) {
        const sensor = `s${n % 5}`
        await writer.write([point({ [`m${n}`]: n }, { sensor, timestampMs: T0 + n })], never)
        const [row] = await reader.range(acme, { ...everything, sensor, fromMs: T0 + n }, never)
        t.same(row?.values, new Map([[`m${n}`, n]]))
        const [latest] = await reader.latest(acme, [sensor], never)
        t.equal(latest?.values.length, Math.floor(n / 5) + 1)
      }
    })

    t.test('shows every row exactly once while rows are written and put in order', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const wrong: string[] = []
      let written = 0
      async function read(): Promise<void> {
        while (written < 2_000) {
          const atLeast = written
          const rows = await reader.range(acme, everything, never)
          const isWhole = rows.every((row, n) => row.timestampMs === T0 + n)
          if (!isWhole || rows.length < atLeast) wrong.push(`${rows.length} rows, ${atLeast} written`)
        }
      }
      const readers = [read(), read()]
      while (written < 2_000) {
        const batch = Array.from({ length: 20 }, (_, n) => point({ power_w: n }, { timestampMs: T0 + written + n }))
        const others = batch.map((one) => ({ ...one, sensor: 'press-2' }))
        await writer.write([...batch, ...others], never)
        written += 20
        await new Promise(setImmediate)
      }
      await Promise.all(readers)
      t.same(wrong, [])
    })

    t.test('ends a call as soon as its signal fires', async (t) => {
      const { reader } = await openForTest(t, implementation)
      const reason = new Error('The client has gone.')
      await t.rejects(reader.range(acme, everything, AbortSignal.abort(reason)), reason)
      const abort = new AbortController()
      const calls = Array.from({ length: 50 }, () => reader.latest(acme, ['press-1'], abort.signal))
      abort.abort(reason)
      const results = await Promise.allSettled(calls)
      t.ok(results.every((result) => result.status === 'rejected' && result.reason === reason))
      t.same(await reader.range(acme, everything, never), [])
    })

    t.test('refuses a limit that is not positive', async (t) => {
      const { reader } = await openForTest(t, implementation)
      await t.rejects(reader.range(acme, { ...everything, limit: 0 }, never), { code: 'query.invalid' })
    })
  })
}
