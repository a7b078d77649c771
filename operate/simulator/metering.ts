import type { Machine, Tick, Values } from './machines/machine.ts'
import { createMeter } from './meter.ts'
import { deriveSeed } from './random.ts'

/** The meters of a factory, one for each machine. */
export interface Metering {
  /** Gives a machine its meter. @returns `machine.step`, metered. */
  attach<Input>(sensor: string, machine: Machine<Input>): (tick: Tick, input: Input) => number
  /** Power (mean since the last time), energy, and what else the machine shows. */
  read(sensor: string): { readonly power_w: number; readonly energy_wh: number } & Values
}

export function createMetering(seed: number, resetsAWeek: number): Metering {
  const readers = new Map<string, ReturnType<typeof readerOf>>()
  return {
    attach(sensor, machine) {
      const meter = createMeter(deriveSeed(seed, sensor), resetsAWeek)
      readers.set(sensor, readerOf(meter, machine))
      return (tick, input) => {
        const powerW = machine.step(tick, input)
        meter.add(powerW, tick.atMs, tick.seconds * 1000)
        return powerW
      }
    },
    read(sensor) {
      const reader = readers.get(sensor)
      if (reader === undefined) throw new RangeError(`The factory was made without the sensor ${sensor}.`)
      return reader()
    },
  }
}

function readerOf(meter: ReturnType<typeof createMeter>, { values }: Pick<Machine<never>, 'values'>) {
  return () => {
    const { powerW, energyWh } = meter.read()
    return { power_w: powerW, energy_wh: energyWh, ...values() }
  }
}
