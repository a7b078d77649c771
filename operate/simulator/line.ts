import { createCompressor } from './machines/compressor.ts'
import type { Tick } from './machines/machine.ts'
import { createOven } from './machines/oven.ts'
import { createPress } from './machines/press.ts'
import type { Metering } from './metering.ts'
import type { LinePlan } from './plan.ts'
import { deriveSeed } from './random.ts'
import type { ShiftCalendar } from './shifts.ts'

/** What a line takes from the mains and gives to the cooling water, during one tick. */
export interface LineLoad {
  readonly powerW: number
  readonly heatW: number
  readonly isOn: boolean
}

const PRESS_HEAT_SHARE = 0.3
const OVEN_HEAT_SHARE = 0.12

/** A line: presses that take air from its compressor, and an oven. It depends on no other line. */
export function createLine(
  { line, presses }: LinePlan,
  { seed, calendar, metering }: { readonly seed: number; readonly calendar: ShiftCalendar; readonly metering: Metering },
): (tick: Tick) => LineLoad {
  const pressUnits = Array.from({ length: presses }, (_, index) => {
    const sensor = `press-${(line - 1) * presses + index + 1}`
    const press = createPress(deriveSeed(seed, sensor), calendar)
    return { press, step: metering.attach(sensor, press) }
  })
  const seedOf = (kind: string): number => deriveSeed(seed, `${kind}-${line}`)
  const compressor = metering.attach(`compressor-${line}`, createCompressor(seedOf('compressor'), calendar))
  const oven = metering.attach(`oven-${line}`, createOven(seedOf('oven'), calendar))

  return (tick) => {
    let pressesW = 0
    let strokes = 0
    for (const { press, step } of pressUnits) {
      pressesW += step(tick, undefined)
      strokes += press.strokes()
    }
    const ovenW = oven(tick, undefined)
    const powerW = pressesW + ovenW + compressor(tick, { strokes })
    return { powerW, heatW: PRESS_HEAT_SHARE * pressesW + OVEN_HEAT_SHARE * ovenW, isOn: calendar.isOn(tick.atMs) }
  }
}
