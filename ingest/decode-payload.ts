import { isUtf8 } from 'node:buffer'
import { gunzipSync } from 'node:zlib'
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
      decoded: { json, keys, value: JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8')) },
    }
  } catch (error) {
    return refuse('payload.not-json', error instanceof Error ? error.message : 'a syntax error')
  }
}

/** The trailer of gzip, RFC 1952, 2.3.1. */
const SIZE_BYTES = 4

/** How large the payload says that it is, inflated. A gzip that lies about it can't be inflated, which is found out before it is parsed. */
export function inflatedSize(payload: Uint8Array): number {
  if (!isGzip(payload) || payload.length < SIZE_BYTES) return payload.length
  return new DataView(payload.buffer, payload.byteOffset + payload.length - SIZE_BYTES, SIZE_BYTES).getUint32(0, true)
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
