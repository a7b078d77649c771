import { createLine } from './line.ts'
import { createChiller } from './machines/chiller.ts'
import { phaseCurrentA, round, type Tick, type Values } from './machines/machine.ts'
import { createMainMeter } from './machines/main-meter.ts'
import { RESETS_A_WEEK_DEFAULT } from './meter.ts'
import { createMetering } from './metering.ts'
import type { FactoryPlan, SensorPlan } from './plan.ts'
import { deriveSeed } from './random.ts'
import { createShiftCalendar } from './shifts.ts'
import { createTimeZone } from './time-zone.ts'
import { createWeather } from './weather.ts'

export interface FactoryOptions {
  readonly seed: number
  readonly plan: FactoryPlan
  /** IANA name; shifts, weekends and holidays follow its clock. */
  readonly timeZone: string
  /** Counters begin here, epoch milliseconds. Two factories with the same seed and origin agree at every later time. */
  readonly originMs: number
  /** Length of a step; it divides `originMs` and every instant of `advance`. */
  readonly tickMs: number
  /** Only these are simulated, and what they depend on: a line stands alone, the main meter needs all of them. Default: every sensor. */
  readonly sensors?: readonly SensorPlan[]
  /** The chance that a meter loses its count in a week, 0 to 1. */
  readonly resetsAWeek?: number
}

export interface Factory {
  /** Simulated so far, epoch milliseconds. */
  nowMs(): number
  /** Lives on until `toMs`; does nothing for an instant that has passed. */
  advance(toMs: number): void
  /** The sensor's values now. Power is the mean since the last `read` of this sensor. */
  read(sensor: SensorPlan): Values
}

/** Ovens are warm and tanks are full once this much time has passed, so the factory begins that long before its origin. */
const SETTLE_MS = 26 * 3_600_000
const POWER_FACTORS = { press: 0.82, oven: 0.99, 'main-meter': 0.94 } as const

/** A factory as a pure function of seed and time: no clock, no chance but the seed's. */
export function createFactory(options: FactoryOptions): Factory {
  const { seed, plan, originMs, tickMs, resetsAWeek = RESETS_A_WEEK_DEFAULT } = options
  const sensors = options.sensors ?? plan.gateways.flatMap((gateway) => gateway.sensors)
  const needsAll = sensors.some(({ kind }) => kind === 'chiller' || kind === 'main-meter')
  const timeZone = createTimeZone(options.timeZone)
  const weather = createWeather(deriveSeed(seed, 'weather'), timeZone.offsetMs(Date.UTC(2026, 0, 1)))
  const metering = createMetering(seed, resetsAWeek)
  const lines = plan.lines
    .filter(({ line }) => needsAll || sensors.some((sensor) => sensor.line === line))
    .map((line) => createLine(line, { seed, metering, calendar: createShiftCalendar(timeZone, line.pattern) }))
  const chiller = metering.attach('chiller-1', createChiller(deriveSeed(seed, 'chiller-1')))
  const main = metering.attach('main-meter', createMainMeter(deriveSeed(seed, 'main-meter'), timeZone))
  let nowMs = originMs - Math.ceil(SETTLE_MS / tickMs) * tickMs

  function step(): void {
    nowMs += tickMs
    const tick: Tick = { atMs: nowMs, seconds: tickMs / 1000, outdoorC: needsAll ? weather.temperatureC(nowMs) : 0 }
    const loads = lines.map((line) => line(tick))
    if (!needsAll) return
    const linesOn = loads.filter(({ isOn }) => isOn).length
    const linesW = loads.reduce((sum, { powerW }) => sum + powerW, 0)
    const heatW = loads.reduce((sum, load) => sum + load.heatW, 0)
    const meteredW = linesW + chiller(tick, { heatW, isLineOn: linesOn > 0 })
    main(tick, { meteredW, linesOn })
  }

  function read({ sensor, kind }: SensorPlan): Values {
    if (kind === 'weather') {
      return { temperature_c: round(weather.temperatureC(nowMs), 1), humidity_percent: round(weather.humidityPercent(nowMs), 0) }
    }
    const values = metering.read(sensor)
    if (kind === 'compressor' || kind === 'chiller') return values
    return { ...values, current_a: round(phaseCurrentA(values.power_w, POWER_FACTORS[kind]), 2) }
  }

  return {
    nowMs: () => nowMs,
    advance(toMs) {
      while (nowMs < toMs) step()
    },
    read,
  }
}
