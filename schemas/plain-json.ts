import { randomBytes } from 'node:crypto'
import { asBuffer } from './as-buffer.ts'

/** A place in a JSON text. What reads something moves it behind; what finds something else leaves it anywhere. */
export interface TextCursor {
  bytes: Uint8Array
  at: number
}

const QUOTE = 0x22
const PLUS = 0x2b
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const UPPER_E = 0x45
const LOWER_E = 0x65
const SPACE = 0x20
const TAB = 0x09
const LINE_FEED = 0x0a
const RETURN = 0x0d

/** Past white space, RFC 8259, 2. @returns the byte there, 0 at the end. */
export function peek(cursor: TextCursor): number {
  const { bytes } = cursor
  let at = cursor.at
  let byte = bytes[at] ?? 0
  while (byte === SPACE || byte === LINE_FEED || byte === RETURN || byte === TAB) byte = bytes[++at] ?? 0
  cursor.at = at
  return byte
}

/** The same, and past that byte. */
export function take(cursor: TextCursor): number {
  const byte = peek(cursor)
  cursor.at++
  return byte
}

/** @returns which of the words, each given as the bytes of a JSON string, comes here; -1 for none. */
export function readWord(cursor: TextCursor, words: readonly Uint8Array[]): number {
  peek(cursor)
  for (let index = 0; index < words.length; index++) {
    const word = words[index]
    if (word !== undefined && isHere(cursor, word)) {
      cursor.at += word.length
      return index
    }
  }
  return -1
}

function isHere({ bytes, at }: TextCursor, word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index++) if (bytes[at + index] !== word[index]) return false
  return true
}

export const wordOf = (text: string): Uint8Array => Buffer.from(JSON.stringify(text))

/** What a name may be made of, as bytes. */
export interface NameKind {
  readonly first: Uint8Array
  readonly rest: Uint8Array
  readonly lengthMax: number
}

const ASCII = 128
const LENGTH_TRIED_MAX = 1_024

/** Learned from the rule itself, so that there is one. @param isName  Of a rule for a first character and the others, and a length. */
export function nameKind(isName: (text: string) => boolean): NameKind {
  const characters = Array.from({ length: ASCII }, (_, code) => String.fromCharCode(code))
  const first = new Uint8Array(256)
  const rest = new Uint8Array(256)
  const start = characters.find(isName) ?? ''
  for (const [code, character] of characters.entries()) {
    if (isName(character)) first[code] = 1
    if (isName(start + character)) rest[code] = 1
  }
  let lengthMax = 1
  while (lengthMax < LENGTH_TRIED_MAX && isName(start.repeat(lengthMax + 1))) lengthMax++
  return { first, rest, lengthMax }
}

/** Hashes of another process can't be computed, so names can't be made up that all look like one. */
export const HASH_START = randomBytes(4).readInt32LE()
export const FNV_PRIME = 0x01000193

/** Reads a string that is a name: it lies between the quotes that the cursor was at and is behind. @returns its hash, FNV-1a, never 0; 0 when it is no name. */
export function readName(cursor: TextCursor, { first, rest, lengthMax }: NameKind): number {
  const { bytes } = cursor
  const start = cursor.at + 1
  let at = start
  let byte = bytes[at] ?? 0
  if (bytes[start - 1] !== QUOTE || first[byte] !== 1) return 0
  let hash = HASH_START
  while (rest[byte] === 1) {
    hash = Math.imul(hash ^ byte, FNV_PRIME)
    byte = bytes[++at] ?? 0
  }
  if (byte !== QUOTE || at - start > lengthMax) return 0
  cursor.at = at + 1
  return hash || 1
}

/** A whole number of so many digits is exact, and so is its quotient by a power of ten up to 10^22: what is computed from both is rounded once. */
const DIGITS_MAX = 15
const POWERS = Array.from({ length: DIGITS_MAX + 1 }, (_, exponent) => 10 ** exponent)

/** Reads a number, RFC 8259, 6. @returns what `JSON.parse` would, to the bit; NaN when there is none, or it is infinite. */
export function readNumber(cursor: TextCursor): number {
  const { bytes } = cursor
  const isNegative = bytes[cursor.at] === MINUS
  const whole = isNegative ? cursor.at + 1 : cursor.at
  let at = whole
  let mantissa = 0
  let digit = (bytes[at] ?? 0) - ZERO
  for (; digit >= 0 && digit <= 9; digit = (bytes[++at] ?? 0) - ZERO) mantissa = mantissa * 10 + digit
  if (at === whole || (bytes[whole] === ZERO && at > whole + 1)) return Number.NaN
  let digits = at - whole
  let decimals = 0
  if (bytes[at] === DOT) {
    const fraction = ++at
    digit = (bytes[at] ?? 0) - ZERO
    for (; digit >= 0 && digit <= 9; digit = (bytes[++at] ?? 0) - ZERO) mantissa = mantissa * 10 + digit
    decimals = at - fraction
    if (decimals === 0) return Number.NaN
    digits += decimals
  }
  if (digits > DIGITS_MAX || bytes[at] === LOWER_E || bytes[at] === UPPER_E) return readLong(cursor, at)
  cursor.at = at
  const size = mantissa / (POWERS[decimals] ?? Number.NaN)
  return isNegative ? -size : size
}

/** More digits than can be computed with, or an exponent: left to the engine. @param end  Of what comes before the exponent. */
function readLong(cursor: TextCursor, end: number): number {
  const { bytes, at: start } = cursor
  let at = end
  if (bytes[at] === LOWER_E || bytes[at] === UPPER_E) {
    at++
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++
    const exponent = at
    while (isDigit(bytes[at] ?? 0)) at++
    if (at === exponent) return Number.NaN
  }
  cursor.at = at
  const value = Number(asBuffer(bytes).toString('latin1', start, at))
  return Number.isFinite(value) ? value : Number.NaN
}

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= ZERO + 9
