// Goal: the factory is deterministic and obeys physics: energy is the integral of power, the main meter is more than its parts.
// Method: factories of several seeds are simulated for days, without clock or network, and their readings compared.
import fc from 'fast-check'
import t from 'tap'
import { createFactory } from '../../operate/simulator/factory.ts'
import { createMeter, RESETS_A_WEEK_DEFAULT } from '../../operate/simulator/meter.ts'
import { factoryPlan } from '../../operate/simulator/plan.ts'
import { tickFor } from '../../operate/simulator/sampling.ts'
import { compile } from '../../schemas/compile.ts'
import { type Message, messageSchema } from '../../schemas/message.ts'
import { HOUR_MS, MINUTE_MS, simulate, valuesOf } from './simulator/simulated.ts'

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })
/** A Wednesday. */
const NOON = Date.parse('2026-06-10T12:00:00+02:00')

t.test('gives the same bytes for the same seed, and others for another one', async (t) => {
  const run = (seed: number): string => JSON.stringify(simulate({ seed, fromMs: NOON, toMs: NOON + HOUR_MS }))
  const [first, again, other] = [run(1), run(1), run(2)]
  t.equal(again, first)
  t.not(other, first)
})

t.test('agrees with itself however a run is cut up', async (t) => {
  const options = { seed: 5, plan: factoryPlan(), timeZone: 'Europe/Amsterdam', originMs: NOON, tickMs: 10_000 }
  const sensors = options.plan.gateways.flatMap((gateway) => gateway.sensors)
  const [whole, cut] = [createFactory(options), createFactory(options)]
  whole.advance(NOON + HOUR_MS)
  for (let atMs = NOON; atMs <= NOON + HOUR_MS; atMs += 7 * MINUTE_MS) cut.advance(atMs)
  cut.advance(NOON + HOUR_MS)
  for (const sensor of sensors) t.same(cut.read(sensor), whole.read(sensor), sensor.sensor)
})

t.test('shows a gateway the same values whether it simulates its own line or the whole factory', async (t) => {
  const span = { seed: 9, fromMs: NOON, toMs: NOON + HOUR_MS }
  const line = factoryPlan().gateways[1]?.sensors ?? []
  const names = new Set(line.map(({ sensor }) => sensor))
  t.same(
    simulate({ ...span, sensors: line }),
    simulate(span).filter(({ sensor }) => names.has(sensor)),
  )
})

t.test('continues the same factory in a later run with the same origin', async (t) => {
  const first = simulate({ seed: 4, fromMs: NOON, toMs: NOON + 2 * HOUR_MS })
  const later = simulate({ seed: 4, originMs: NOON, fromMs: NOON + HOUR_MS, toMs: NOON + 2 * HOUR_MS })
  t.same(
    later,
    first.filter(({ ts = 0 }) => ts > NOON + HOUR_MS),
  )
})

t.test('counts as energy what its power adds up to, over any stretch without a reset', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(seeds, fc.constantFrom(1_000, 10_000, 60_000), (seed, intervalMs) => {
        const readings = simulate({ seed, fromMs: NOON, toMs: NOON + HOUR_MS, intervalMs, resetsAWeek: 0 })
        for (const [, ofSensor] of Map.groupBy(readings, ({ sensor }) => sensor)) {
          const energy = valuesOf(ofSensor, 'energy_wh')
          const power = valuesOf(ofSensor, 'power_w').slice(1)
          const integralWh = power.reduce((sum, powerW) => sum + (powerW * intervalMs) / HOUR_MS, 0)
          const counted = (energy.at(-1) ?? 0) - (energy[0] ?? 0)
          // The counter shows whole watt-hours, and power is rounded to 0.1 W.
          if (Math.abs(counted - integralWh) > 1.2) return false
        }
        return true
      }),
      { numRuns: 6, seed: 2 },
    ),
  )
})

t.test('has counters that only rise, but for resets to almost 0', async (t) => {
  const calm = simulate({ seed: 3, fromMs: NOON, toMs: NOON + 14 * 24 * HOUR_MS, intervalMs: MINUTE_MS, resetsAWeek: 0 })
  t.same(fallsOf(calm, 'energy_wh'), [])

  const troubled = simulate({ seed: 3, fromMs: NOON, toMs: NOON + 14 * 24 * HOUR_MS, intervalMs: MINUTE_MS, resetsAWeek: 0.5 })
  const falls = fallsOf(troubled, 'energy_wh')
  t.ok(falls.length > 3, `${falls.length} resets in two weeks`)
  for (const { sensor, to } of falls) t.ok(to < 5_000, `${sensor} starts again at ${to} Wh, what flows in a minute`)
})

t.test('resets a counter about twice a year', async (t) => {
  let resets = 0
  for (let seed = 0; seed < 20; seed++) {
    const meter = createMeter(seed, RESETS_A_WEEK_DEFAULT)
    let before = 0
    for (let day = 1; day <= 365; day++) {
      meter.add(1_000, NOON + day * 24 * HOUR_MS, 24 * HOUR_MS)
      const { energyWh } = meter.read()
      if (energyWh < before) resets++
      before = energyWh
    }
  }
  t.ok(resets > 20 && resets < 65, `${resets} resets of 20 meters in a year`)
})

t.test('has a main meter that shows more than the sum of the others, at every instant', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 365 }), (seed, day) => {
        const fromMs = NOON + day * 24 * HOUR_MS
        const readings = simulate({ seed, fromMs, toMs: fromMs + HOUR_MS })
        return [...Map.groupBy(readings, ({ ts }) => ts).values()].every((atOnce) => {
          const main = atOnce.filter(({ sensor }) => sensor === 'main-meter')
          const others = atOnce.filter(({ sensor }) => sensor !== 'main-meter')
          const sum = valuesOf(others, 'power_w').reduce((total, powerW) => total + powerW, 0)
          return (valuesOf(main, 'power_w')[0] ?? 0) > sum
        })
      }),
      { numRuns: 6, seed: 3 },
    ),
  )
})

t.test('makes messages that the schema accepts, with exactly the metrics of the plan', async (t) => {
  const validate = compile<Message>(messageSchema)
  const readings = simulate({ seed: 8, fromMs: NOON, toMs: NOON + 10 * MINUTE_MS })
  t.ok(validate(JSON.parse(JSON.stringify({ readings }))), JSON.stringify(validate.errors))
  for (const { sensor, metrics } of factoryPlan().gateways.flatMap((gateway) => gateway.sensors)) {
    const reading = readings.find((candidate) => candidate.sensor === sensor)
    t.same(Object.keys(reading?.values ?? {}).sort(), [...metrics].sort(), sensor)
  }
})

t.test('takes the longest step that meets every instant of measuring', async (t) => {
  const sensors = (intervalMs: number) => factoryPlan({ intervalMs }).gateways.flatMap((gateway) => gateway.sensors)
  t.equal(tickFor(sensors(10_000), 60_000), 10_000)
  t.equal(tickFor(sensors(1_000), 60_000), 1_000)
  t.equal(tickFor(sensors(60_000), 60_000), 10_000)
  t.equal(tickFor(sensors(15_000), 60_000), 7_500)
  t.equal(tickFor(sensors(7_000), 60_000), 1_000)
})

function fallsOf(readings: ReturnType<typeof simulate>, metric: string): readonly { sensor: string; to: number }[] {
  return [...Map.groupBy(readings, ({ sensor }) => sensor)].flatMap(([sensor, ofSensor]) => {
    const values = valuesOf(ofSensor, metric)
    return values.flatMap((to, index) => (to < (values[index - 1] ?? 0) ? [{ sensor, to }] : []))
  })
}
