import { MillraceError } from '../../platform/runtime/errors.ts'
import type { ShiftPattern } from './shifts.ts'

export type MachineKind = 'press' | 'compressor' | 'oven' | 'chiller' | 'main-meter' | 'weather'

export interface SensorPlan {
  readonly sensor: string
  readonly kind: MachineKind
  /** What it is, for people. */
  readonly title: string
  /** Counted from 1; 0 belongs to the whole factory. */
  readonly line: number
  /** Time between two live readings, milliseconds. */
  readonly intervalMs: number
  readonly metrics: readonly string[]
}

export interface GatewayPlan {
  /** The id to enrol it under. */
  readonly gateway: string
  readonly title: string
  readonly sensors: readonly SensorPlan[]
}

export interface LinePlan {
  /** Counted from 1. */
  readonly line: number
  readonly pattern: ShiftPattern
  readonly presses: number
}

export interface FactoryPlan {
  readonly lines: readonly LinePlan[]
  readonly gateways: readonly GatewayPlan[]
}

export const GATEWAYS_DEFAULT = 3
export const GATEWAYS_MAX = 100
export const INTERVAL_MS_DEFAULT = 10_000
export const INTERVAL_MS_MIN = 1_000
export const INTERVAL_MS_MAX = 60_000

const PRESSES_A_LINE = 3
const LINES_MIN = 2
const PATTERNS: readonly ShiftPattern[] = ['two-shift', 'three-shift', 'continuous']

const METRICS: Readonly<Record<MachineKind, readonly string[]>> = {
  press: ['power_w', 'energy_wh', 'current_a', 'strokes_total'],
  compressor: ['power_w', 'energy_wh', 'pressure_bar', 'temperature_c'],
  oven: ['power_w', 'energy_wh', 'current_a', 'temperature_c'],
  chiller: ['power_w', 'energy_wh', 'supply_temperature_c', 'return_temperature_c'],
  'main-meter': ['power_w', 'energy_wh', 'current_a', 'voltage_v'],
  weather: ['temperature_c', 'humidity_percent'],
}

/**
 * Which sensors sit behind which gateway. The last gateway has what belongs to the whole factory; each of the others has a line,
 * or two where there are only two gateways. With one gateway, all is behind it. More gateways make a larger factory.
 *
 * @throws {MillraceError} `usage.invalid` - gateways or interval out of bounds.
 */
export function factoryPlan(options: { readonly gateways?: number; readonly intervalMs?: number } = {}): FactoryPlan {
  const { gateways = GATEWAYS_DEFAULT, intervalMs = INTERVAL_MS_DEFAULT } = options
  requireWhole('gateways', gateways, 1, GATEWAYS_MAX)
  requireWhole('intervalMs', intervalMs, INTERVAL_MS_MIN, INTERVAL_MS_MAX)

  const lines = Array.from({ length: Math.max(LINES_MIN, gateways - 1) }, (_, index): LinePlan => {
    return { line: index + 1, pattern: PATTERNS[index % PATTERNS.length] ?? 'two-shift', presses: PRESSES_A_LINE }
  })
  const perLine = lines.map((line) => sensorsOfLine(line, intervalMs))
  const site = sensorsOfSite(intervalMs)
  const siteGateway = (sensors: readonly SensorPlan[], title: string): GatewayPlan => ({ gateway: 'gw-site', title, sensors })
  if (gateways === 1) return { lines, gateways: [siteGateway([...perLine.flat(), ...site], 'The whole factory')] }
  if (gateways === 2) {
    const halls = { gateway: 'gw-lines', title: 'Lines 1 and 2', sensors: perLine.flat() }
    return { lines, gateways: [halls, siteGateway(site, 'Utilities and main meter')] }
  }
  const ofLines = perLine.map((sensors, index) => ({ gateway: `gw-line-${index + 1}`, title: `Line ${index + 1}`, sensors }))
  return { lines, gateways: [...ofLines, siteGateway(site, 'Utilities and main meter')] }
}

/** The sensors of a line count on through the factory: line 2 has `press-4`. */
function sensorsOfLine({ line, presses }: LinePlan, intervalMs: number): readonly SensorPlan[] {
  const sensor = (kind: MachineKind, number: number, title: string): SensorPlan => {
    return {
      sensor: `${kind}-${number}`,
      kind,
      title: `${title} ${number}, line ${line}`,
      line,
      intervalMs,
      metrics: METRICS[kind],
    }
  }
  return [
    ...Array.from({ length: presses }, (_, index) => sensor('press', (line - 1) * presses + index + 1, 'Press')),
    sensor('compressor', line, 'Compressor'),
    sensor('oven', line, 'Oven'),
  ]
}

function sensorsOfSite(intervalMs: number): readonly SensorPlan[] {
  return [
    { sensor: 'chiller-1', kind: 'chiller', title: 'Chiller', line: 0, intervalMs, metrics: METRICS.chiller },
    { sensor: 'main-meter', kind: 'main-meter', title: 'Main meter', line: 0, intervalMs, metrics: METRICS['main-meter'] },
    {
      sensor: 'weather-1',
      kind: 'weather',
      title: 'Weather station',
      line: 0,
      intervalMs: INTERVAL_MS_MAX,
      metrics: METRICS.weather,
    },
  ]
}

/** @throws {MillraceError} `usage.invalid` when `value` is no whole number from `min` to `max`. */
export function requireWhole(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new MillraceError('usage.invalid', `${name} must be a whole number from ${min} to ${max}, and is ${value}.`)
}
