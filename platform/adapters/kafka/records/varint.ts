/** Of a length or a small count: zig-zag, seven bits a byte, as in Kafka's record format. -1 stands for nothing. */
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value)

export function sizeOfVarint(value: number): number {
  const coded = zigzag(value)
  if (coded < 0x80) return 1
  if (coded < 0x4000) return 2
  if (coded < 0x20_0000) return 3
  return coded < 0x1000_0000 ? 4 : 5
}

/** @returns where the next byte goes. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = zigzag(value)
  let next = at
  while (rest >= 0x80) {
    bytes[next++] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 128)
  }
  bytes[next++] = rest
  return next
}

export interface Cursor {
  readonly bytes: Buffer
  at: number
}

/** Up to 2^53, so that the time of a record fits. Past the end it reads nothing but 0. */
export function readVarint(cursor: Cursor): number {
  const { bytes } = cursor
  let byte = bytes[cursor.at++] ?? 0
  if (byte < 0x80) return byte & 1 ? -(byte + 1) / 2 : byte / 2
  let coded = byte & 0x7f
  for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
    byte = bytes[cursor.at++] ?? 0
    coded += (byte & 0x7f) * scale
  }
  return coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2
}
