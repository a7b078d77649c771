import { createRandomStream, deriveSeed } from '../random.ts'
import { approach, decayedPeak, type Machine, noiseIndex, round, type Tick, type Values } from './machine.ts'

const STAGE_COOLING_W = 62_000
/** Start and stop of the two compressors, by the temperature of the water. */
const STAGES = [
  { startC: 8, stopC: 6 },
  { startC: 9.4, stopC: 7.2 },
] as const
const FANS_W = 1_900
const PUMP_W = 2_200
const STANDBY_W = 140
/** Below this outdoor temperature, the fans alone cool. */
const FREE_COOLING_BELOW_C = 2
const INRUSH = 0.9
const INRUSH_TAU_SECONDS = 5
const WATER_J_PER_C = 4_000 * 4_186
const FLOW_W_PER_C = 2.9 * 4_186
const HALL_C = 19
const HALL_W_PER_C = 320

export interface HeatToRemove {
  /** Heat of presses and ovens that reaches the water, watts. */
  readonly heatW: number
  readonly isLineOn: boolean
}

/** A water chiller with two compressors that start and stop; the warmer it is outside, the more power it takes for the same cold. */
export function createChiller(seed: number): Machine<HeatToRemove> {
  const random = createRandomStream(deriveSeed(seed, 'noise'))
  let waterC = 9
  let returnC = 9
  let second = 0
  const stages = STAGES.map((limits) => ({ ...limits, isOn: false, onSeconds: 0 }))

  function stagesPowerW(tick: Tick): number {
    const isFree = tick.outdoorC < FREE_COOLING_BELOW_C
    const efficiency = Math.max(2.2, Math.min(6.4, 6.3 - 0.105 * tick.outdoorC))
    let powerW = 0
    for (const stage of stages) {
      const wasOn = stage.isOn
      stage.isOn = wasOn ? waterC > stage.stopC : waterC > stage.startC
      stage.onSeconds = wasOn ? stage.onSeconds + tick.seconds : 0
      if (!stage.isOn) continue
      powerW += FANS_W
      if (!isFree)
        powerW += (STAGE_COOLING_W / efficiency) * (1 + INRUSH * decayedPeak(stage.onSeconds, tick, INRUSH_TAU_SECONDS))
    }
    return powerW
  }

  function step(tick: Tick, { heatW, isLineOn }: HeatToRemove): number {
    second = noiseIndex(tick)
    const compressorsW = stagesPowerW(tick)
    // Offices and roof in summer.
    const buildingW = Math.max(0, tick.outdoorC - 15) * 1_400
    const loadW = heatW + buildingW
    const coolingW = stages.reduce((sum, { isOn }) => sum + (isOn ? STAGE_COOLING_W : 0), 0)
    const finalC = HALL_C + (loadW - coolingW) / HALL_W_PER_C
    waterC = approach(waterC, finalC, tick, WATER_J_PER_C / HALL_W_PER_C)
    returnC = waterC + loadW / FLOW_W_PER_C
    const pumpW = isLineOn || compressorsW > 0 ? PUMP_W : STANDBY_W
    return (compressorsW + pumpW) * (1 + 0.012 * random.normal(second))
  }

  function values(): Values {
    return {
      supply_temperature_c: round(waterC + 0.05 * random.normal(second + 1), 1),
      return_temperature_c: round(returnC + 0.05 * random.normal(second + 2), 1),
    }
  }

  return { step, values }
}
