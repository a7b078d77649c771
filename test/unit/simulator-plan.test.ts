// Goal: the plan, the outages and the times of measuring hold for every number of gateways and every instant.
// Method: properties over random inputs; the seed is fixed.
import fc from 'fast-check'
import t from 'tap'
import { outageAt } from '../../operate/simulator/outages.ts'
import { factoryPlan, GATEWAYS_MAX } from '../../operate/simulator/plan.ts'
import { createRandomStream, deriveSeed } from '../../operate/simulator/random.ts'
import { countHistory, nextSampleMs, type Sampling } from '../../operate/simulator/sampling.ts'
import { isGatewayId, isMetricName, isSensorId } from '../../schemas/names.ts'

const instants = fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2040-01-01') })

t.test('puts every sensor behind exactly one gateway, under names that the grammar allows', async (t) => {
  for (let gateways = 1; gateways <= GATEWAYS_MAX; gateways++) {
    const plan = factoryPlan({ gateways })
    const sensors = plan.gateways.flatMap((gateway) => gateway.sensors)
    const names = sensors.map(({ sensor }) => sensor)
    const isSound =
      plan.gateways.length === gateways &&
      new Set(plan.gateways.map(({ gateway }) => gateway)).size === gateways &&
      plan.gateways.every(({ gateway }) => isGatewayId(gateway)) &&
      new Set(names).size === names.length &&
      names.every(isSensorId) &&
      sensors.every(({ metrics }) => metrics.every(isMetricName)) &&
      names.length === 5 * plan.lines.length + 3
    t.ok(isSound, `${gateways} gateways`)
  }
})

t.test('has the same machines behind one, two or three gateways', async (t) => {
  const names = (gateways: number) =>
    factoryPlan({ gateways }).gateways.flatMap(({ sensors }) => sensors.map(({ sensor }) => sensor))
  t.same(names(1), names(2))
  t.same(names(2), names(3))
})

t.test('refuses a plan out of bounds', async (t) => {
  for (const wrong of [{ gateways: 0 }, { gateways: 101 }, { gateways: 1.5 }, { intervalMs: 999 }, { intervalMs: 60_001 }]) {
    t.throws(() => factoryPlan(wrong), { code: 'usage.invalid' })
  }
})

t.test('always finds the outage under way or the next one', async (t) => {
  const patterns = fc.record({
    everyMs: fc.integer({ min: 1_000, max: 86_400_000 }),
    lengthMaxMs: fc.integer({ min: 100, max: 86_400_000 }),
  })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.integer({ min: 0 }), patterns, instants, (seed, pattern, atMs) => {
        const outage = outageAt(seed, pattern, atMs)
        const after = outageAt(seed, pattern, outage.untilMs)
        const isNear = outage.fromMs < atMs + 2 * pattern.everyMs
        return (
          outage.untilMs > atMs &&
          outage.untilMs - outage.fromMs <= pattern.lengthMaxMs + 1 &&
          isNear &&
          after.fromMs >= outage.untilMs
        )
      }),
      { seed: 1 },
    ),
  )
})

t.test('counts exactly the readings that the history will hold', async (t) => {
  const cases = fc.record({
    fromMs: instants,
    lengthMs: fc.integer({ min: 0, max: 7_200_000 }),
    historyIntervalMs: fc.integer({ min: 1, max: 120 }).map((seconds) => seconds * 1_000),
    intervalMs: fc.integer({ min: 1, max: 60 }).map((seconds) => seconds * 1_000),
  })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(cases, ({ fromMs, lengthMs, historyIntervalMs, intervalMs }) => {
        const sampling: Sampling = { liveFromMs: fromMs + lengthMs, historyIntervalMs }
        const sensors = factoryPlan({ intervalMs }).gateways[2]?.sensors ?? []
        let counted = 0
        for (const sensor of sensors) {
          let atMs = nextSampleMs([sensor], sampling, fromMs)
          for (; atMs <= sampling.liveFromMs; atMs = nextSampleMs([sensor], sampling, atMs)) counted++
          if (atMs % sensor.intervalMs !== 0 || atMs - sampling.liveFromMs > sensor.intervalMs) return false
        }
        return counted === countHistory(sensors, sampling, fromMs)
      }),
      { numRuns: 50, seed: 2 },
    ),
  )
})

t.test('has chance that is even, centred and different for every name', async (t) => {
  const stream = createRandomStream(deriveSeed(1, 'press-1'))
  const indices = Array.from({ length: 20_000 }, (_, index) => index)
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  t.ok(Math.abs(mean(indices.map(stream.uniform)) - 0.5) < 0.01)
  t.ok(Math.abs(mean(indices.map(stream.normal))) < 0.03)
  t.ok(Math.abs(mean(indices.map((index) => stream.normal(index) ** 2)) - 1) < 0.05)
  t.not(deriveSeed(1, 'press-1'), deriveSeed(1, 'press-2'))
  t.not(deriveSeed(1, 'press-1'), deriveSeed(2, 'press-1'))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(instants, (atMs) => Math.abs(stream.drift(atMs, 60_000) - stream.drift(atMs + 100, 60_000)) < 0.01),
      { seed: 3 },
    ),
  )
})

t.test('is splitmix32, with its outputs in any order', async (t) => {
  // The generator as it is usually written, adding to its state from output to output.
  let state = 42
  function next(): number {
    state = (state + 0x9e3779b9) | 0
    let word = state ^ (state >>> 16)
    word = Math.imul(word, 0x21f0aaad)
    word ^= word >>> 15
    word = Math.imul(word, 0x735a2d97)
    return ((word ^ (word >>> 15)) >>> 0) / 4_294_967_296
  }
  const expected = Array.from({ length: 1_000 }, next)
  const stream = createRandomStream(42)
  for (const index of [999, 0, 500, 1]) t.equal(stream.uniform(index), expected[index])
})
