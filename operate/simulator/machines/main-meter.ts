import { createRandomStream, deriveSeed } from '../random.ts'
import { officePresence } from '../shifts.ts'
import type { TimeZone } from '../time-zone.ts'
import { type Machine, noiseIndex, round, type Tick, type Values } from './machine.ts'

/** Servers, alarms, emergency lights, pumps. */
const ALWAYS_W = 5_400
const HALL_LIGHTS_W_A_LINE = 3_800
const OFFICES_W = 7_500
/** Cables and the transformer. */
const LOSSES = 0.012
const NOMINAL_V = 402
/** The mains are soft: volts lost for every kilowatt. */
const SAG_V_PER_KW = 0.012

export interface FactoryLoad {
  /** The sum of the machines that have meters of their own, watts. */
  readonly meteredW: number
  readonly linesOn: number
}

/** The meter of the energy company: everything with a meter of its own, and what has none. Never less than the sum of the others. */
export function createMainMeter(seed: number, timeZone: TimeZone): Machine<FactoryLoad> {
  const random = createRandomStream(deriveSeed(seed, 'noise'))
  let voltageV = NOMINAL_V

  function step(tick: Tick, { meteredW, linesOn }: FactoryLoad): number {
    const offices = officePresence(timeZone, tick.atMs)
    const wander = 1 + 0.12 * random.drift(tick.atMs, 40 * 60_000)
    const unmeteredW = (ALWAYS_W + HALL_LIGHTS_W_A_LINE * linesOn + OFFICES_W * offices) * wander
    const powerW = meteredW * (1 + LOSSES) + unmeteredW * (1 + 0.02 * random.normal(noiseIndex(tick)))
    const gridV = 2.6 * random.drift(tick.atMs, 5 * 3_600_000) + 0.25 * random.normal(noiseIndex(tick) + 1)
    voltageV = NOMINAL_V + gridV - (SAG_V_PER_KW * powerW) / 1000
    return powerW
  }

  return { step, values: (): Values => ({ voltage_v: round(voltageV, 1) }) }
}
