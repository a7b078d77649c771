/** Parts of this size and more go on as they are. */
const SMALL_BYTES = 1_024
const GATHERED_BYTES = 16_384
/** So many small parts of a packet go on as they are: a line that is merely slow costs nothing. */
const SMALL_PARTS_MAX = 16
const NOTHING = Buffer.alloc(0)

export interface PartGatherer {
  /**
   * @param isMiddle  False when a packet begins or ends in this part.
   * @returns what may go on now; undefined while it is kept until there is more.
   */
  add(part: Uint8Array, isMiddle: boolean): Uint8Array | undefined
}

/**
 * Makes larger parts of the small ones in which a packet comes. The parser keeps each part as a buffer of its own, some 700 bytes for one byte,
 * and takes them off one by one when the packet is whole: a message of 1 MiB that came byte by byte would hold the event loop for minutes.
 */
export function createPartGatherer(): PartGatherer {
  let gathered = NOTHING
  let length = 0
  let smallParts = 0

  function takeAll(last: Uint8Array): Uint8Array {
    const all = length === 0 ? last : Buffer.concat([gathered.subarray(0, length), last])
    length = 0
    return all
  }

  function finish(last: Uint8Array): Uint8Array {
    const all = takeAll(last)
    gathered = NOTHING
    smallParts = 0
    return all
  }

  return {
    add(part, isMiddle) {
      if (!isMiddle) return finish(part)
      const isSmall = part.length < SMALL_BYTES
      if (isSmall) smallParts++
      if (!isSmall || smallParts <= SMALL_PARTS_MAX || length + part.length > GATHERED_BYTES) return takeAll(part)
      if (gathered.length === 0) gathered = Buffer.allocUnsafeSlow(GATHERED_BYTES)
      gathered.set(part, length)
      length += part.length
      return undefined
    },
  }
}
