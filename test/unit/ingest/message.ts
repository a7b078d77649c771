import { type Checked, checkMessage } from '../../../ingest/check-message.ts'
import { decodePayload } from '../../../ingest/decode-payload.ts'
import { receive } from '../../../ingest/receive.ts'
import type { Fault } from '../../../schemas/rejection.ts'

const DAY_MS = 86_400_000
export const NOW_MS = 1_764_000_000_000
export const WINDOW = { retentionMs: 396 * DAY_MS, aheadMs: 600_000 }
export const FROM = { tenant: 'acme', gateway: 'gw-1' }

export const bytesOf = (text: string): Buffer => Buffer.from(text)

/** From text to readings and faults, as in the product. */
export function check(text: string): Checked {
  const result = decodePayload(bytesOf(text))
  return result.ok ? checkMessage(result.decoded, NOW_MS, WINDOW) : { good: [], isWhole: false, faults: [result.fault] }
}

export const receiveText = (text: string) => receive(FROM, bytesOf(text), NOW_MS, WINDOW)

/** A message with these readings, each as JSON text. */
export const messageOf = (...readings: readonly string[]): string => `{"readings":[${readings.join(',')}]}`

/** A sound reading, as JSON text, with these members instead of or on top of its own. */
export function readingText(members: Readonly<Record<string, string>> = {}): string {
  const all = { sensor: '"press-1"', ts: String(NOW_MS), values: '{"power_w":1}', ...members }
  return `{${Object.entries(all)
    .map(([key, value]) => `"${key}":${value}`)
    .join(',')}}`
}

/** What matters of faults to a program. */
export const placesOf = (faults: readonly Fault[]) => faults.map(({ reason, pointer }) => [reason, pointer])
