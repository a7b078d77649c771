import { openSeriesWriter } from '../../../platform/adapters/sqlite/series/open-writer.ts'
import type { Point } from '../../../platform/ports/time-series.ts'
import { never, point, T0 } from './implementations.ts'

export const SENSORS = 20

/** Batch `n` of a series that never ends: new rows, late ones, additions to rows that were moved long ago, and corrections. */
export function batchOf(n: number): readonly Point[] {
  const fresh = Array.from({ length: SENSORS }, (_, s) =>
    point({ power_w: n, energy_wh: s }, { sensor: `s${s}`, timestampMs: T0 + n }),
  )
  const half = T0 + Math.floor(n / 2)
  return [
    ...fresh,
    point({ power_w: -n }, { sensor: 's0', timestampMs: T0 - n }),
    point({ [`extra_${n % 7}`]: n }, { sensor: 's1', timestampMs: half }),
    point({ power_w: n + 0.5 }, { sensor: 's2', timestampMs: half }),
  ]
}

/** Run as a program: writes batch after batch, from the given one on, and says each that is durable; until it is killed. */
if (import.meta.main) {
  const [folder = '', from = '0'] = process.argv.slice(2)
  const writer = openSeriesWriter({ folder, limits: { freshRowsMax: 200, moveRowsMax: 60, busyRowsMin: 2 } })
  for (let n = Number(from); ; n++) {
    await writer.write(batchOf(n), never)
    process.stdout.write(`${n}\n`)
  }
}
