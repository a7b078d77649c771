import type { LogRecord, NewRecord } from '../platform/ports/event-log.ts'
import { type Fault, REJECTION_HEADERS } from '../schemas/rejection.ts'
import { REJECTED_TOPIC } from '../schemas/topics.ts'

/** A record whose readings, or some of them, the store will never take. It says where it came from, so that the same refusal can be recognised twice. */
export function storeRejection(source: LogRecord, payload: Uint8Array, faults: readonly Fault[]): NewRecord {
  const [first] = faults
  return {
    topic: REJECTED_TOPIC,
    key: source.key,
    value: payload,
    headers: {
      [REJECTION_HEADERS.reason]: first?.reason ?? '',
      [REJECTION_HEADERS.pointer]: first?.pointer ?? '',
      [REJECTION_HEADERS.faults]: JSON.stringify(faults),
      [REJECTION_HEADERS.attempts]: '1',
      [REJECTION_HEADERS.receivedMs]: String(source.timestampMs),
      [REJECTION_HEADERS.topic]: source.topic,
      [REJECTION_HEADERS.partition]: String(source.partition),
      [REJECTION_HEADERS.offset]: String(source.offset),
      [REJECTION_HEADERS.stage]: 'store',
      [REJECTION_HEADERS.message]: first?.detail ?? '',
    },
  }
}
