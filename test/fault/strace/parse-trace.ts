/** One system call as strace has seen it. */
export interface Call {
  readonly thread: number
  readonly name: string
  /** The path, socket or pipe behind the call's file descriptor, as `-yy` shows it. */
  readonly target: string
  /** The bytes that the call was given. */
  readonly bytes: Buffer
  readonly result: number
  /** Places in the order of everything that strace has seen: when the call began, and when it had returned. */
  readonly begunAt: number
  readonly endedAt: number
}

/** `12 1764000000.123456 fdatasync(25</data/log.sqlite-wal> <unfinished ...>`, or the whole call. */
const BEGUN = /^(\d+)\s+[\d.]+ (\w+)\((.*)$/
/** `12 1764000000.123456 <... fdatasync resumed>) = 0`. */
const RESUMED = /^(\d+)\s+[\d.]+ <\.\.\. (\w+) resumed>(.*)$/
const UNFINISHED = ' <unfinished ...>'
const RESULT = /= (-?\d+)[^=]*$/
const TARGET = /^\d+<(.*?)>(?:, |\)|$)/
/** With `-xx`, strings are `"\x40\x02…"`; long ones end in `...`, which the size of `-s` must prevent. */
const TEXT = /"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g

/**
 * Reads what `strace -f -ttt -xx -yy` wrote. strace stops every thread at the beginning and at the end of each call and writes in the order in which it
 * lets them go on, so the order of its lines is an order in which things really happened.
 *
 * @param isWanted  By target; calls on others are left out.
 * @throws {Error} when a string of a wanted call was cut off: what can't be seen can't be judged.
 */
export function parseTrace(text: string, isWanted: (target: string) => boolean): readonly Call[] {
  const calls: Call[] = []
  const open = new Map<number, { name: string; start: string; begunAt: number }>()
  function add(thread: number, name: string, rest: string, places: Pick<Call, 'begunAt' | 'endedAt'>): void {
    const target = decode(TARGET.exec(rest)?.[1] ?? '')
    if (isWanted(target)) calls.push({ thread, name, target, ...bytesAndResult(rest), ...places })
  }
  for (const [at, line] of text.split('\n').entries()) {
    const begun = BEGUN.exec(line)
    const resumed = RESUMED.exec(line)
    if (begun) {
      const [, thread = '', name = '', rest = ''] = begun
      if (rest.endsWith(UNFINISHED)) open.set(Number(thread), { name, start: rest.slice(0, -UNFINISHED.length), begunAt: at })
      else add(Number(thread), name, rest, { begunAt: at, endedAt: at })
    } else if (resumed) {
      const [, thread = '', name = '', rest = ''] = resumed
      const begin = open.get(Number(thread))
      open.delete(Number(thread))
      if (begin?.name === name) add(Number(thread), name, `${begin.start}${rest}`, { begunAt: begin.begunAt, endedAt: at })
    }
  }
  return calls.toSorted((left, right) => left.begunAt - right.begunAt)
}

function bytesAndResult(rest: string): Pick<Call, 'bytes' | 'result'> {
  const texts = [...rest.replace(TARGET, '').matchAll(TEXT)]
  if (texts.some(([, , cut]) => cut !== undefined)) throw new Error(`strace cut off a string: ${rest.slice(0, 200)}`)
  const bytes = Buffer.concat(texts.map(([, hex = '']) => Buffer.from(hex.replaceAll('\\x', ''), 'hex')))
  return { bytes, result: Number(RESULT.exec(rest)?.[1] ?? Number.NaN) }
}

/** With `-xx`, paths are written in hexadecimal as well. */
const decode = (text: string): string =>
  text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
