import type { EventLogReader } from '../platform/ports/event-log.ts'
import type { RejectionEntry } from '../platform/ports/rejections.ts'
import { MillraceError } from '../platform/runtime/errors.ts'
import { asBuffer } from '../schemas/as-buffer.ts'
import { parseLogKey, REJECTED_TOPIC } from '../schemas/topics.ts'

/** As much of the event log as it takes to find one record again. */
export type OriginalMessages = Pick<EventLogReader, 'read'>

const NOT_HELD = { isHeld: false, note: 'The event log no longer holds the message: its retention has ended.' } as const

/**
 * The message behind a rejection, from `rejected.v1`, where its value is the bytes that the gateway sent.
 *
 * @throws {MillraceError} `event-log.unavailable`.
 */
export async function readOriginal(log: OriginalMessages, entry: RejectionEntry): Promise<object> {
  const record = await readRecord(log, entry)
  if (record === undefined || record.offset !== entry.offset) return NOT_HELD
  // A log that was replaced by another one has other records at the same places. What isn't this tenant's is nobody's here.
  if (parseLogKey(record.key)?.tenant !== entry.tenant) return NOT_HELD
  const bytes = asBuffer(record.value)
  return { isHeld: true, sizeBytes: bytes.length, base64: bytes.toString('base64'), text: textOf(bytes) }
}

async function readRecord(log: OriginalMessages, { partition, offset }: RejectionEntry) {
  try {
    const [record] = await log.read({ topic: REJECTED_TOPIC, partition, offset }, { recordsMax: 1, bytesMax: 1 })
    return record
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'event-log.offset-gone') return undefined
    throw error
  }
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}
