// Prints what checking each costly payload takes, as JSON: name, milliseconds and what was found.
import { isLarge } from '../../../ingest/decode-payload.ts'
import { LARGE_BYTES } from '../../../ingest/message-checks.ts'
import { receive } from '../../../ingest/receive.ts'
import { MESSAGE_BYTES_MAX } from '../../../schemas/message.ts'
import { costlyPayloads } from './costly-payloads.ts'
import { FROM, NOW_MS, WINDOW } from './message.ts'

/** A run that another process interrupts says nothing; the best of several does. */
const RUNS = 6

export interface Cost {
  readonly name: string
  readonly sizeBytes: number
  /** It is checked on another thread. */
  readonly isLarge: boolean
  readonly bestMs: number
  readonly worstMs: number
  readonly accepted: number
  readonly faults: number
  readonly reason: string
}

function measure(name: string, payload: Buffer): Cost {
  const runsMs: number[] = []
  let outcome = receive(FROM, payload, NOW_MS, WINDOW)
  for (let run = 0; run < RUNS; run++) {
    const startMs = performance.now()
    outcome = receive(FROM, payload, NOW_MS, WINDOW)
    runsMs.push(performance.now() - startMs)
  }
  const { accepted, faults } = outcome
  const [first] = faults
  return {
    name,
    sizeBytes: payload.length,
    isLarge: isLarge(payload, LARGE_BYTES),
    bestMs: Math.min(...runsMs),
    worstMs: Math.max(...runsMs),
    accepted,
    faults: faults.length,
    reason: first?.reason ?? '',
  }
}

/** Just below what goes to the other thread. */
const SMALL = (LARGE_BYTES / MESSAGE_BYTES_MAX) * 0.95

process.stdout.write(
  JSON.stringify([1, SMALL].flatMap((share) => [...costlyPayloads(share)].map(([name, payload]) => measure(name, payload)))),
)
