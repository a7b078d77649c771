/** Lines of one request, or of several: their text as bytes, because a line that is kept as text is kept in pieces, each of them an object. */
export interface Lines {
  readonly count: number
  /** @param index  Of the point in its batch; -1 for a line of our own. @param values  How many it holds. */
  add(text: string, index: number, values: number): void
  /** The lines from `from` up to, not including, `to`; good until `free`. */
  part(from: number, to: number): Buffer
  at(position: number): Line
  /** Behind its own. */
  addAll(other: Lines): void
  /** All of it, a line break behind each line. */
  bytes(): Buffer
  /** Where a line ends in it. */
  endOf(position: number): number
  /** It isn't used any more: its memory may be somebody else's. */
  free(): void
}

export interface Line {
  readonly index: number
  readonly values: number
}

const FIRST_BYTES = 65_536
/** UTF-8 of one UTF-16 unit. */
const UNIT_BYTES_MAX = 3
const BREAK = 0x0a

/** Memory of earlier ones: made anew for each batch, it would have the whole heap collected several times a second. */
const spare: Buffer[] = []
const SPARE_MAX = 12
const SPARE_BYTES_MAX = 1_048_576

export function createLines(): Lines {
  let bytes = spare.pop() ?? Buffer.allocUnsafe(FIRST_BYTES)
  let used = 0
  const ends: number[] = []
  const indexes: number[] = []
  const values: number[] = []

  function makeRoom(size: number): void {
    if (used + size <= bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * bytes.length, used + size))
    bytes.copy(larger, 0, 0, used)
    bytes = larger
  }

  return {
    get count() {
      return ends.length
    },
    add(text, index, count) {
      makeRoom(text.length * UNIT_BYTES_MAX + 1)
      used += bytes.write(text, used, 'utf8')
      ends.push(used)
      bytes[used++] = BREAK
      indexes.push(index)
      values.push(count)
    },
    part: (from, to) => bytes.subarray(from === 0 ? 0 : (ends[from - 1] ?? 0) + 1, ends[to - 1]),
    addAll(other) {
      const more = other.bytes()
      makeRoom(more.length)
      for (let position = 0; position < other.count; position++) {
        ends.push(used + other.endOf(position))
        const line = other.at(position)
        indexes.push(line.index)
        values.push(line.values)
      }
      used += more.copy(bytes, used)
    },
    bytes: () => bytes.subarray(0, used),
    endOf: (position) => ends[position] ?? 0,
    free() {
      if (spare.length < SPARE_MAX && bytes.length > 0 && bytes.length <= SPARE_BYTES_MAX) spare.push(bytes)
      bytes = Buffer.alloc(0)
    },
    at: (position) => ({ index: indexes[position] ?? -1, values: values[position] ?? 0 }),
  }
}
