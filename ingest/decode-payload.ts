import { isUtf8 } from 'node:buffer'
import { gunzipSync } from 'node:zlib'
import { asBuffer } from '../schemas/as-buffer.ts'
import { DEPTH_MAX, MESSAGE_BYTES_MAX, NAMES_MAX } from '../schemas/message.ts'
import type { Fault, Reason } from '../schemas/rejection.ts'
import { countNames, scanJson } from './scan-json.ts'

export interface Decoded {
  /** The JSON text as bytes, inflated. */
  readonly json: Uint8Array
  readonly value: unknown
  /** How many keys the text names, doubled ones included. */
  readonly keys: number
}

export type DecodeResult = { readonly ok: true; readonly decoded: Decoded } | { readonly ok: false; readonly fault: Fault }

/**
 * From the bytes that a gateway published to a JSON value. Everything that could blow up is bounded first: the inflated size, the depth, the names.
 * V8 may misread a key that is written with escapes once a key with a backslash has been parsed (nodejs/node#63785): then a message is refused
 * for a name that it doesn't have. No name needs an escape, and none that is misread can pass for a name.
 * Synchronous, so that messages of one gateway stay in order; 1 MiB takes some 10 ms.
 */
export function decodePayload(payload: Uint8Array): DecodeResult {
  if (payload.length === 0) return refuse('payload.empty', '0 bytes')
  if (payload.length > MESSAGE_BYTES_MAX) return refuse('payload.too-large', `${payload.length} bytes`)
  const inflated = isGzip(payload) ? inflate(payload) : { ok: true as const, json: payload }
  if (!inflated.ok) return inflated
  const { json } = inflated
  if (json.length === 0) return refuse('payload.empty', '0 bytes once inflated')
  if (!isUtf8(json)) return refuse('payload.not-utf8', 'an invalid byte sequence')
  const { depth, keys } = scanJson(json)
  if (depth > DEPTH_MAX) return refuse('payload.too-deep', `${depth} levels`)
  // Few keys can't have many names, and most messages have few.
  if (keys > NAMES_MAX && countNames(json, NAMES_MAX) > NAMES_MAX)
    return refuse('payload.too-many-names', `more than ${NAMES_MAX} different keys`)
  try {
    return {
      ok: true,
      decoded: { json, keys, value: JSON.parse(asBuffer(json).toString('utf8')) },
    }
  } catch (error) {
    return refuse('payload.not-json', error instanceof Error ? error.message : 'a syntax error')
  }
}

/** The trailer of gzip, RFC 1952, 2.3.1. */
const SIZE_BYTES = 4

/** Begins each member of a gzip, which may have several: RFC 1952, 2.2. */
const MEMBER = Buffer.of(0x1f, 0x8b, 8)

/**
 * Whether the JSON in it is of so many bytes or more, by what a gzip says of itself. One that lies can't be inflated, which is found out before it is
 * parsed; of one that seems to have several members only the last one's size is known, so it counts as large.
 */
export function isLarge(payload: Uint8Array, bytes: number): boolean {
  if (payload.length >= bytes) return true
  if (!isGzip(payload) || payload.length < SIZE_BYTES) return false
  const view = asBuffer(payload)
  return view.readUInt32LE(payload.length - SIZE_BYTES) >= bytes || view.includes(MEMBER, 1)
}

/** RFC 1952, 2.3.1. */
const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

function inflate(
  payload: Uint8Array,
): { readonly ok: true; readonly json: Uint8Array } | { readonly ok: false; readonly fault: Fault } {
  try {
    return { ok: true, json: gunzipSync(payload, { maxOutputLength: MESSAGE_BYTES_MAX }) }
  } catch (error) {
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    return isTooLarge
      ? refuse('payload.too-large', `more than ${MESSAGE_BYTES_MAX} bytes once inflated`)
      : refuse('payload.gzip-invalid', error instanceof Error ? error.message : 'not gzip')
  }
}

function refuse(reason: Reason, detail: string): { readonly ok: false; readonly fault: Fault } {
  return { ok: false, fault: { reason, pointer: '', detail } }
}
