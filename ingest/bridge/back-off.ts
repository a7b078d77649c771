const FIRST_MS = 500
const WAIT_MS_MAX = 30_000
/** A connection that was open this long was a good one. */
const HELD_MS = 30_000

/**
 * How long to wait before the next attempt to connect: twice as long each time, up to half a minute, and up to half of it less, so that bridges
 * that lost the same broker don't all come back at once.
 *
 * @param random  In [0, 1).
 * @returns a function that takes how long the connection that has just ended was open, 0 where it never was, and returns the wait; milliseconds.
 */
export function createBackOff(random: () => number): (heldMs: number) => number {
  let failures = 0

  return (heldMs) => {
    if (heldMs >= HELD_MS) failures = 0
    const ceilingMs = Math.min(WAIT_MS_MAX, FIRST_MS * 2 ** failures)
    failures++
    return ceilingMs * (1 - random() / 2)
  }
}
