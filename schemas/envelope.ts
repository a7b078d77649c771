import { asBuffer } from './as-buffer.ts'
import type { TimeSource } from './reading.ts'

/**
 * The value of a record on `readings.v1`: a few bytes in front of the payload, because record headers halve the rate of kafkajs.
 *
 * ```
 * byte 0      version, 1
 * byte 1      codec of the payload, see CODECS
 * bytes 2-9   time of receipt, epoch milliseconds, float64 big-endian
 * byte 10     length of the W3C traceparent, 0 for none
 * then        traceparent (ASCII), payload
 * ```
 */
const VERSION = 1
const HEADER_BYTES = 11

/** The formats that a payload on `readings.v1` can have; the position is the byte. Only ever add to the end. */
export const CODECS = ['json'] as const
export type Codec = (typeof CODECS)[number]

export interface Envelope {
  readonly codec: Codec
  readonly receivedMs: number
  /** W3C Trace Context, 55 characters; empty for none. */
  readonly traceparent: string
  readonly payload: Uint8Array
}

export function encodeEnvelope({ codec, receivedMs, traceparent, payload }: Envelope): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + traceparent.length + payload.length)
  bytes[0] = VERSION
  bytes[1] = CODECS.indexOf(codec)
  bytes.writeDoubleBE(receivedMs, 2)
  bytes[10] = traceparent.length
  if (traceparent.length > 0) bytes.write(traceparent, HEADER_BYTES, 'latin1')
  bytes.set(payload, HEADER_BYTES + traceparent.length)
  return bytes
}

/** @returns undefined when the bytes are not an envelope that this version can read: dead-letter them. The payload shares memory with `bytes`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  const view = asBuffer(bytes)
  const codec = CODECS[view[1] ?? CODECS.length]
  const traceLength = view[10]
  if (view[0] !== VERSION || codec === undefined || traceLength === undefined) return undefined
  const payloadStart = HEADER_BYTES + traceLength
  if (payloadStart > view.length) return undefined
  const receivedMs = view.readDoubleBE(2)
  if (!Number.isSafeInteger(receivedMs)) return undefined
  return {
    codec,
    receivedMs,
    traceparent: traceLength === 0 ? '' : view.toString('latin1', HEADER_BYTES, payloadStart),
    payload: view.subarray(payloadStart),
  }
}

/** A reading that brought its own time has the gateway's message as its source; one without gets the time of receipt. */
export const timeSourceOf = (ts: number | undefined): TimeSource => (ts === undefined ? 'receipt' : 'device')
