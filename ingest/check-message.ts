import { compile, firstError } from '../schemas/compile.ts'
import {
  type Message,
  type MessageShell,
  messageSchema,
  messageShellSchema,
  type Reading,
  readingSchema,
} from '../schemas/message.ts'
import type { Fault } from '../schemas/rejection.ts'
import { checkTime, type TimeWindow, timeFault } from './check-time.ts'
import type { Decoded } from './decode-payload.ts'
import { explainReading, explainShell } from './explain-fault.ts'

const isMessage = compile<Message>(messageSchema)
const isShell = compile<MessageShell>(messageShellSchema)
const isReading = compile<Reading>(readingSchema)

export interface Checked {
  /** In the order of the message. */
  readonly good: readonly Reading[]
  /** True when `good` is the whole message: its bytes can go on as they are. */
  readonly isWhole: boolean
  /** Why the others are not among the good ones; at least one unless `isWhole`. */
  readonly faults: readonly Fault[]
}

const refused = (fault: Fault): Checked => ({ good: [], isWhole: false, faults: [fault] })

/**
 * Splits a message into the readings to keep and the faults of the others. Pure: `nowMs` is the time of receipt.
 * A sound message is checked in one go; only where that fails is each reading looked at on its own.
 */
export function checkMessage({ value, keys }: Decoded, nowMs: number, window: TimeWindow): Checked {
  if (isMessage(value)) {
    if (keys !== countKeys(value.readings)) return refused(duplicateKey(keys - countKeys(value.readings)))
    const faults = timeFaults(value.readings, nowMs, window)
    if (faults.length === 0) return { good: value.readings, isWhole: true, faults }
  }
  if (!isShell(value)) return refused(explainShell(firstError(isShell)))
  return checkEach(value.readings, keys, { nowMs, window })
}

function checkEach(
  readings: readonly unknown[],
  keys: number,
  { nowMs, window }: { nowMs: number; window: TimeWindow },
): Checked {
  const good: Reading[] = []
  const faults: Fault[] = []
  let counted = 1
  for (const [index, reading] of readings.entries()) {
    counted += countAllKeys(reading)
    if (!isReading(reading)) {
      faults.push(explainReading(firstError(isReading), index))
      continue
    }
    const late = reading.ts === undefined ? undefined : checkTime(reading.ts, nowMs, window)
    if (late === undefined) good.push(reading)
    else faults.push(timeFault(late, index))
  }
  // Which of the doubled values was meant can't be known, nor which reading it was in: the text is gone once it is parsed.
  if (keys !== counted) return refused(duplicateKey(keys - counted))
  return { good, isWhole: false, faults }
}

function timeFaults(readings: readonly Reading[], nowMs: number, window: TimeWindow): readonly Fault[] {
  const faults: Fault[] = []
  for (const [index, { ts }] of readings.entries()) {
    const fault = ts === undefined ? undefined : checkTime(ts, nowMs, window)
    if (fault !== undefined) faults.push(timeFault(fault, index))
  }
  return faults
}

const duplicateKey = (count: number): Fault => ({
  reason: 'payload.duplicate-key',
  pointer: '',
  detail: `${count} keys too many`,
})

/** As the text of a sound message must have named them: "readings", and those of each reading and its values. */
function countKeys(readings: readonly Reading[]): number {
  let count = 1
  for (const reading of readings) {
    for (const _ in reading) count++
    for (const _ in reading.values) count++
  }
  return count
}

/** The same for a value of any shape. The depth is bounded before. */
function countAllKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  if (Array.isArray(value)) return value.reduce((sum: number, item: unknown) => sum + countAllKeys(item), 0)
  return Object.values(value).reduce((sum: number, item: unknown) => sum + 1 + countAllKeys(item), 0)
}
