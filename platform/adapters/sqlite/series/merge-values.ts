import type { RowValue } from './row-data.ts'

export interface Merge {
  /** All values of the row afterwards. */
  readonly values: readonly RowValue[]
  readonly stored: number
  readonly duplicates: number
  readonly conflicts: number
}

/**
 * Lays the values of a point over those that its row holds already: a metric that is absent is added, the same bits are a
 * duplicate, anything else replaces what was there. `Object.is` tells -0 from 0. A changed quality is a changed reading.
 */
export function mergeValues(existing: readonly RowValue[], incoming: readonly RowValue[]): Merge {
  const values = [...existing]
  const count = { stored: 0, duplicates: 0, conflicts: 0 }
  for (const value of incoming) {
    const position = values.findIndex(({ metric }) => metric === value.metric)
    const before = values[position]
    if (before === undefined) {
      values.push(value)
      count.stored++
    } else if (Object.is(before.value, value.value) && before.quality === value.quality) {
      count.duplicates++
    } else {
      values[position] = value
      count.conflicts++
    }
  }
  return { values, ...count }
}
