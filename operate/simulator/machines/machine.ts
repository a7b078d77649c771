/** One step of simulated time. Whole steps of one length, so that a run gives the same values however it is cut up. */
export interface Tick {
  /** The end of the step, epoch milliseconds. */
  readonly atMs: number
  readonly seconds: number
  readonly outdoorC: number
}

/** Values of a sensor's metrics at one time; the unit is the last word of the name. */
export type Values = Readonly<Record<string, number>>

/**
 * A machine lives through ticks in order; its state is its own.
 *
 * @typeParam Input  What it gets from the other machines in the same tick.
 */
export interface Machine<Input> {
  /** @returns the mean active power during the tick, in watts, never negative. */
  step(tick: Tick, input: Input): number
  /** What it shows besides power and energy, at the end of the last tick. */
  values(): Values
}

const LINE_VOLTAGE_V = 400

/** The current of each phase of a three-phase motor or heater. */
export function phaseCurrentA(powerW: number, powerFactor: number, voltageV: number = LINE_VOLTAGE_V): number {
  return powerW / (Math.sqrt(3) * voltageV * powerFactor)
}

/** What is left, on average over a step, of a peak that has decayed for `ageSeconds` with the time constant `tauSeconds`. */
export function decayedPeak(ageSeconds: number, { seconds }: Tick, tauSeconds: number): number {
  return (tauSeconds / seconds) * (Math.exp(-ageSeconds / tauSeconds) - Math.exp(-(ageSeconds + seconds) / tauSeconds))
}

/** Moves `value` towards `target`, exactly, for any step: the solution of a first-order lag. */
export function approach(value: number, target: number, { seconds }: Tick, tauSeconds: number): number {
  return target + (value - target) * Math.exp(-seconds / tauSeconds)
}

export function round(value: number, digits: number): number {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale
}

/** Noise differs from second to second, whatever the step. */
export const noiseIndex = ({ atMs }: Tick): number => Math.floor(atMs / 1000)
