import { FNV_PRIME, HASH_START } from '../schemas/plain-json.ts'

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

/**
 * How many different keys a JSON text names, as spelled; stops counting past `namesMax`. Every new name makes the engine build a new shape of
 * object: 60,000 of them make parsing ten times slower. Two names that share a hash (one pair in four thousand million) count as one.
 */
export function countNames(bytes: Uint8Array, namesMax: number): number {
  // At most a quarter full, so that a search ends soon.
  const slots = new Int32Array(2 ** Math.ceil(Math.log2((namesMax + 1) * 4)))
  const mask = slots.length - 1
  let names = 0
  let start = 0
  let end = 0

  function isNew(hash: number): boolean {
    let slot = hash & mask
    while (slots[slot] !== 0) {
      if (slots[slot] === hash) return false
      slot = (slot + 1) & mask
    }
    slots[slot] = hash
    return true
  }

  for (let index = 0; index < bytes.length && names <= namesMax; index++) {
    const byte = bytes[index]
    if (byte === QUOTE) {
      start = index + 1
      end = endOfString(bytes, start)
      index = end
    } else if (byte === COLON) {
      if (isNew(hashOf(bytes, start, end))) names++
      // A text of colons alone is no JSON, but must not make us hash the same string for each.
      start = end
    }
  }
  return names
}

/** FNV-1a; never 0, which marks a free slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_START
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ (bytes[index] ?? 0), FNV_PRIME)
  return hash || 1
}

function endOfString(bytes: Uint8Array, start: number): number {
  let index = start
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1
  return index
}
