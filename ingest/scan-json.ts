export interface JsonScan {
  /** How deep objects and arrays nest at the deepest place. */
  readonly depth: number
  /** Colons outside of strings: one for each key of each object, doubled keys included. */
  readonly keys: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/**
 * Looks at the bytes of a JSON text once, before it is parsed. `JSON.parse` hides two things that matter: it builds a tree
 * of any depth, and of two equal keys it keeps the last one in silence, so that a value would be lost.
 * Says nothing about whether the text is JSON at all.
 */
export function scanJson(bytes: Uint8Array): JsonScan {
  let depth = 0
  let deepest = 0
  let keys = 0
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]
    if (byte === QUOTE) index = endOfString(bytes, index + 1)
    else if (byte === COLON) keys++
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) deepest = Math.max(deepest, ++depth)
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--
  }
  return { depth: deepest, keys }
}

function endOfString(bytes: Uint8Array, start: number): number {
  let index = start
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1
  return index
}
