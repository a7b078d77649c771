import { asBuffer } from '../schemas/as-buffer.ts'
import type { Spans } from '../schemas/plain-message.ts'

/** A name that shares its slot with another is made anew each time that they alternate; both are right. */
const SLOTS = 65_536

/** @returns a function that gives names out of a text: the same few, many times, so that each is made once and compared at a glance. */
export function createNameTexts(): (bytes: Uint8Array, spans: Spans, index: number) => string {
  const texts = new Array<string>(SLOTS).fill('')
  return (bytes, { start: starts, end: ends, hash: hashes }, index) => {
    const start = starts[index] ?? 0
    const end = ends[index] ?? 0
    const hash = hashes[index] ?? 0
    const slot = (hash ^ (hash >>> 16)) & (SLOTS - 1)
    const known = texts[slot] ?? ''
    if (known.length === end - start && isText(known, bytes, start)) return known
    const text = asBuffer(bytes).toString('latin1', start, end)
    texts[slot] = text
    return text
  }
}

function isText(text: string, bytes: Uint8Array, start: number): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) !== bytes[start + index]) return false
  return true
}
