import { type EventLogWriter, type NewRecord, sizeOfAll } from '../platform/ports/event-log.ts'
import { crashPoint } from '../platform/runtime/crash-points.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { GatewayName } from '../schemas/topics.ts'
import { createAppendTurns } from './append-turns.ts'
import type { IngestConfig } from './config.ts'
import type { Publisher } from './gateway-policy.ts'
import { createLargeChecker } from './large-checker.ts'
import { createTrouble } from './log-trouble.ts'
import { createMessageChecks } from './message-checks.ts'
import type { IngestMetrics } from './metrics.ts'
import type { Outcome } from './outcome.ts'

const DAY_MS = 86_400_000
/** Records on their way to the event log. Past it, no more messages are checked: the faults of a bad one take more room than it did itself. */
const APPENDING_BYTES_MAX = 2 * 1_048_576

export interface IntakeOptions {
  readonly eventLog: EventLogWriter
  readonly clock: () => number
  readonly config: Pick<IngestConfig, 'MILLRACE_RETENTION_DAYS' | 'MILLRACE_READING_AHEAD_MAX_MS'>
  readonly log: Logger
  readonly metrics: IngestMetrics
}

/** What comes in, wherever it comes from: checked, and durable before `done`. */
export interface Intake {
  /** `done` is called when the readings, or their refusal, are durable; with an error when they aren't: then nothing may be acknowledged. */
  consume(publisher: Publisher, payload: Uint8Array, done: (error?: Error) => void): void
  /** Records that were made elsewhere, on the same terms. `from` goes to the log. */
  append(from: Partial<GatewayName>, records: readonly NewRecord[], done: (error?: Error) => void): void
  stop(): Promise<void>
}

export function createIntake({ eventLog, clock, config, log, metrics }: IntakeOptions): Intake {
  const trouble = createTrouble(log)
  let appendingBytes = 0
  const window = { retentionMs: config.MILLRACE_RETENTION_DAYS * DAY_MS, aheadMs: config.MILLRACE_READING_AHEAD_MAX_MS }
  const large = createLargeChecker(window, log)
  const checks = createMessageChecks({ window, large, hasRoom: () => appendingBytes < APPENDING_BYTES_MAX })

  const turns = createAppendTurns(async (records) => {
    await eventLog.append(records)
    trouble.succeeded()
  })

  function appendOutcome(from: GatewayName, outcome: Outcome, startMs: number, done: (error?: Error) => void): void {
    const { records, sizeBytes } = outcome
    appendingBytes += sizeBytes
    add(from, records, sizeBytes, (error) => {
      appendingBytes -= sizeBytes
      checks.resume()
      if (error === undefined) metrics.durable(outcome, performance.now() - startMs)
      done(error)
    })
  }

  function add(from: Partial<GatewayName>, records: readonly NewRecord[], bytes: number, done: (error?: Error) => void): void {
    crashPoint('ingest.before-append')
    turns.add(records, bytes, (error) => {
      if (error === undefined) crashPoint('ingest.after-append')
      else {
        metrics.lost()
        trouble.failed(from, error)
      }
      done(error)
    })
  }

  return {
    append: (from, records, done) => add(from, records, sizeOfAll(records), done),
    consume(publisher, payload, done) {
      const startMs = performance.now()
      checks.check({
        from: publisher,
        payload,
        receivedMs: clock(),
        decided: (outcome) => appendOutcome(publisher, outcome, startMs, done),
        dropped: done,
      })
    },
    stop: () => large.stop(),
  }
}
