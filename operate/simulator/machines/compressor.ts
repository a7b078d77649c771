import { createRandomStream, deriveSeed } from '../random.ts'
import type { ShiftCalendar } from '../shifts.ts'
import { approach, decayedPeak, type Machine, noiseIndex, round, type Tick, type Values } from './machine.ts'

const RATED_W = 37_000
/** A screw that turns without delivering still takes a quarter and more. */
const UNLOADED_SHARE = 0.27
const STANDBY_W = 90
const INRUSH = 1.1
const INRUSH_TAU_SECONDS = 5
/** Unloaded for this long, the motor stops. */
const RUN_ON_SECONDS = 600
/** The band of the pressure switch, bar above atmosphere. */
const LOAD_BELOW_BAR = 7
const UNLOAD_ABOVE_BAR = 7.8
const RECEIVER_M3 = 5
/** Free air delivered, at full load. */
const DELIVERY_M3S = 0.103
const LEAK_M3S_PER_BAR = 0.0016
const AIR_A_STROKE_M3 = 0.042
/** There is pressure before the first press starts, and until the last one has stopped. */
const LEAD_MS = 10 * 60_000
const LAG_MS = 15 * 60_000
const OIL_TAU_SECONDS = 480

export interface AirDemand {
  readonly strokes: number
}

/** A screw compressor that loads and unloads to keep the pressure of its line between two limits. */
export function createCompressor(seed: number, calendar: ShiftCalendar): Machine<AirDemand> {
  const random = createRandomStream(deriveSeed(seed, 'noise'))
  const ratedW = RATED_W * (0.93 + 0.14 * random.uniform(0))
  let pressureBar = 1
  let isLoaded = false
  let isTurning = false
  let turningSeconds = 0
  let unloadedSeconds = 0
  let oilC = 20
  let second = 0

  function regulate(tick: Tick): void {
    const isOn = calendar.isOn(tick.atMs + LEAD_MS) || calendar.isOn(tick.atMs - LAG_MS)
    if (!isOn || pressureBar > UNLOAD_ABOVE_BAR) isLoaded = false
    else if (pressureBar < LOAD_BELOW_BAR) isLoaded = true
    unloadedSeconds = isLoaded ? 0 : unloadedSeconds + tick.seconds
    const wasTurning = isTurning
    isTurning = isLoaded || (isTurning && unloadedSeconds < RUN_ON_SECONDS)
    turningSeconds = isTurning && wasTurning ? turningSeconds + tick.seconds : 0
  }

  function step(tick: Tick, { strokes }: AirDemand): number {
    regulate(tick)
    second = noiseIndex(tick)
    const usedM3S = (strokes * AIR_A_STROKE_M3) / tick.seconds + LEAK_M3S_PER_BAR * pressureBar
    const deliveredM3S = isLoaded ? DELIVERY_M3S : 0
    pressureBar = Math.max(0, pressureBar + ((deliveredM3S - usedM3S) / RECEIVER_M3) * tick.seconds)
    oilC = approach(oilC, isLoaded ? 86 : isTurning ? 68 : 20, tick, OIL_TAU_SECONDS * (isTurning ? 1 : 8))
    const noise = 1 + 0.015 * random.normal(second)
    if (!isTurning) return STANDBY_W * noise
    const loadShare = isLoaded ? 0.9 + 0.1 * (pressureBar / UNLOAD_ABOVE_BAR) : UNLOADED_SHARE
    return ratedW * (loadShare + INRUSH * decayedPeak(turningSeconds, tick, INRUSH_TAU_SECONDS)) * noise
  }

  function values(): Values {
    return {
      pressure_bar: round(Math.max(0, pressureBar + 0.008 * random.normal(second + 1)), 2),
      temperature_c: round(oilC + 0.15 * random.normal(second + 2), 1),
    }
  }

  return { step, values }
}
