import type { NewRecord } from '../platform/ports/event-log.ts'
import type { Reason } from '../schemas/rejection.ts'
import type { Received } from './receive.ts'

/** What became of a message, as little as must cross from one thread to another: thousands of faults are told by their number. */
export interface Outcome {
  readonly records: readonly NewRecord[]
  readonly sizeBytes: number
  readonly accepted: number
  readonly faultsByReason: ReadonlyMap<Reason, number>
}

const NO_FAULTS: Outcome['faultsByReason'] = new Map()

export function outcomeOf({ records, sizeBytes, accepted, faults }: Received): Outcome {
  if (faults.length === 0) return { records, sizeBytes, accepted, faultsByReason: NO_FAULTS }
  const faultsByReason = new Map<Reason, number>()
  for (const { reason } of faults) faultsByReason.set(reason, (faultsByReason.get(reason) ?? 0) + 1)
  return { records, sizeBytes, accepted, faultsByReason }
}
