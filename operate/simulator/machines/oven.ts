import { createRandomStream, deriveSeed } from '../random.ts'
import type { ShiftCalendar } from '../shifts.ts'
import { approach, type Machine, noiseIndex, round, type Tick, type Values } from './machine.ts'

const HEATER_W = 48_000
const FAN_W = 1_600
const STANDBY_W = 45
const SETPOINT_C = 200
const HYSTERESIS_C = 3
const HALL_C = 19
/** Steel, stones and air: what one degree takes. */
const CAPACITY_J_PER_C = 780_000
const LOSS_W_PER_C = 82
/** Parts that go in cold and come out hot. */
const PRODUCT_W = 12_500
/** From cold to the set point takes a good hour, so it is switched on before the shift. */
const PREHEAT_MS = 75 * 60_000
/** A heater that switches on draws a little more until it glows. */
const COLD_HEATER = 0.06

/** An oven with a two-point thermostat: it warms up before the shift, then switches on and off around 200 degrees. */
export function createOven(seed: number, calendar: ShiftCalendar): Machine<undefined> {
  const random = createRandomStream(deriveSeed(seed, 'noise'))
  const heaterW = HEATER_W * (0.95 + 0.1 * random.uniform(0))
  let temperatureC = HALL_C
  let isHeating = false
  let second = 0

  function step(tick: Tick): number {
    const activity = calendar.at(tick.atMs)
    const isOn = activity !== 'off' || calendar.isOn(tick.atMs + PREHEAT_MS)
    const wasHeating = isHeating
    if (!isOn || temperatureC > SETPOINT_C + HYSTERESIS_C) isHeating = false
    else if (temperatureC < SETPOINT_C - HYSTERESIS_C) isHeating = true
    second = noiseIndex(tick)

    const heatW = isHeating ? heaterW * (1 + (wasHeating ? 0 : COLD_HEATER)) : 0
    const product = activity === 'work' ? PRODUCT_W * (0.8 + 0.4 * random.drift(tick.atMs, 1_800_000) ** 2) : 0
    // The temperature that it would reach if all stayed as it is, and how fast it gets there.
    const finalC = HALL_C + (heatW - product) / LOSS_W_PER_C
    temperatureC = approach(temperatureC, finalC, tick, CAPACITY_J_PER_C / LOSS_W_PER_C)
    const fanW = isOn || temperatureC > 80 ? FAN_W : STANDBY_W
    return (heatW + fanW) * (1 + 0.006 * random.normal(second))
  }

  return { step, values: (): Values => ({ temperature_c: round(temperatureC + 0.25 * random.normal(second + 1), 1) }) }
}
