import type { Message, Reading } from '../../../schemas/message.ts'
import { type GatewayName, logKey } from '../../../schemas/topics.ts'
import type { LedgerMessage } from '../harness/ledger.ts'
import { goodReadings } from '../harness/message.ts'
import { isSame } from './check-readings.ts'
import type { Violation } from './violation.ts'

/** A record of the event log, as far as the checker needs it. Records of one key come in the order of their offsets. */
export interface LoggedMessage extends GatewayName {
  readonly kind: 'readings' | 'rejected'
  readonly partition: number
  readonly offset: number
  readonly payload: string
}

export interface CheckedLog {
  readonly violations: readonly Violation[]
  /** Records that hold a message that an earlier one held already: deliveries after the first. */
  readonly repeated: number
  /** The message of each record on `rejected.v1`, by `partition-offset`. */
  readonly rejectedAt: ReadonlyMap<string, LedgerMessage>
}

const NOTHING_SEEN = 0

/**
 * Every record holds a message of its gateway, unaltered; every acknowledged message has its records; and the first deliveries of
 * each gateway come in the order in which it sent them. `messages` must be in that order too.
 */
export function checkLog(messages: readonly LedgerMessage[], records: Iterable<LoggedMessage>): CheckedLog {
  const violations: Violation[] = []
  const find = createFinder(messages)
  const seen = new Set<string>()
  const newest = new Map<string, number>()
  const rejectedAt = new Map<string, LedgerMessage>()
  let repeated = 0

  for (const record of records) {
    const message = find(record)
    const place = `${record.kind} ${logKey(record)} partition ${record.partition} offset ${record.offset}`
    if (message === undefined) {
      violations.push({ kind: 'stranger', where: 'log', detail: `${place}: ${record.payload.slice(0, 200)}` })
      continue
    }
    if (record.kind === 'readings' && !holdsGoodReadings(record, message))
      violations.push({ kind: 'altered', where: 'log', detail: `${place}: not the good readings of message ${message.n}.` })
    if (record.kind === 'rejected') rejectedAt.set(`${record.partition}-${record.offset}`, message)

    const stream = `${record.kind} ${logKey(record)}`
    const id = `${stream} ${message.n}`
    if (seen.has(id)) {
      repeated++
      continue
    }
    seen.add(id)
    const before = newest.get(stream) ?? NOTHING_SEEN
    if (message.n < before)
      violations.push({
        kind: 'out-of-order',
        where: 'log',
        detail: `${place}: message ${message.n} came first behind ${before}.`,
      })
    newest.set(stream, Math.max(before, message.n))
  }
  violations.push(...missing(messages, seen))
  return { violations, repeated, rejectedAt }
}

function missing(messages: readonly LedgerMessage[], seen: ReadonlySet<string>): readonly Violation[] {
  const violations: Violation[] = []
  for (const message of messages) {
    if (message.outcome !== 'acknowledged') continue
    const name = `message ${message.n} of ${logKey(message)}`
    if (message.isForbidden) {
      violations.push({ kind: 'forbidden-acknowledged', where: 'log', detail: `${name} may not be published.` })
      continue
    }
    const isThere = (kind: LoggedMessage['kind']): boolean => seen.has(`${kind} ${logKey(message)} ${message.n}`)
    const isReadingsLost = goodReadings(message).length > 0 && !isThere('readings')
    const isRejectionLost = message.faults.length > 0 && !isThere('rejected')
    if (isReadingsLost || isRejectionLost)
      violations.push({ kind: 'lost', where: 'log', detail: `${name} was acknowledged and is not there.` })
  }
  return violations
}

/** Records of readings are found by their sequence, rejected ones by their bytes, which are kept unchanged. */
function createFinder(messages: readonly LedgerMessage[]): (record: LoggedMessage) => LedgerMessage | undefined {
  const byNumber = new Map<string, LedgerMessage>()
  const byPayload = new Map<string, LedgerMessage>()
  for (const message of messages) {
    if (message.isForbidden) continue
    byNumber.set(`${logKey(message)} ${message.n}`, message)
    if (message.faults.length > 0) byPayload.set(`${logKey(message)} ${message.payload}`, message)
  }
  return (record) => {
    if (record.kind === 'rejected') return byPayload.get(`${logKey(record)} ${record.payload}`)
    const [first] = readingsOf(record)
    return byNumber.get(`${logKey(record)} ${first?.seq}`)
  }
}

function readingsOf({ payload }: LoggedMessage): readonly Reading[] {
  const { readings }: Message = JSON.parse(payload)
  return readings
}

function holdsGoodReadings(record: LoggedMessage, message: LedgerMessage): boolean {
  const wanted = goodReadings(message)
  const found = readingsOf(record)
  return found.length === wanted.length && found.every((reading, index) => isSameReading(reading, wanted[index]))
}

function isSameReading(left: Reading, right: Reading | undefined): boolean {
  if (left.sensor !== right?.sensor || left.ts !== right.ts || left.seq !== right.seq) return false
  return isSame(new Map(Object.entries(left.values)), new Map(Object.entries(right.values)))
}
