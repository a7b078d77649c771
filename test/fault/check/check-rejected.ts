import { type GatewayName, logKey } from '../../../schemas/topics.ts'
import type { LedgerMessage } from '../harness/ledger.ts'
import type { Violation } from './violation.ts'

/** An entry of `GET /v1/rejected`, and whose token has shown it. */
export interface ListedRejection extends GatewayName {
  /** `time-partition-offset-fault`, which says where its message lies. */
  readonly id: string
  readonly reason: string
  readonly pointer: string
}

/** Every fault of every acknowledged message is in its tenant's list with its reason, and nothing else is. */
export function checkRejected(
  messages: readonly LedgerMessage[],
  rejectedAt: ReadonlyMap<string, LedgerMessage>,
  listed: readonly ListedRejection[],
): readonly Violation[] {
  const violations: Violation[] = []
  const seen = new Set<string>()
  const ids = new Set<string>()
  const faultKey = (message: LedgerMessage, pointer: string, reason: string): string =>
    `${logKey(message)} ${message.n} ${pointer} ${reason}`

  for (const entry of listed) {
    const place = `${entry.id} of ${logKey(entry)}, ${entry.reason} at "${entry.pointer}"`
    if (ids.has(entry.id)) violations.push({ kind: 'doubled', where: 'rejected', detail: `${place} is listed twice.` })
    ids.add(entry.id)
    const [, partition, offset] = entry.id.split('-')
    const message = rejectedAt.get(`${partition}-${offset}`)
    const isItsOwn = message !== undefined && logKey(message) === logKey(entry)
    const isExpected = message?.faults.some(({ pointer, reason }) => pointer === entry.pointer && reason === entry.reason)
    if (!isItsOwn || !isExpected) violations.push({ kind: 'stranger', where: 'rejected', detail: `${place} was never sent.` })
    else seen.add(faultKey(message, entry.pointer, entry.reason))
  }

  for (const message of messages) {
    if (message.isForbidden || message.outcome !== 'acknowledged') continue
    for (const { pointer, reason } of message.faults) {
      if (seen.has(faultKey(message, pointer, reason))) continue
      const detail = `${reason} at "${pointer}" of message ${message.n} of ${logKey(message)} is not in the list.`
      violations.push({ kind: 'not-rejected', where: 'rejected', detail })
    }
  }
  return violations
}
