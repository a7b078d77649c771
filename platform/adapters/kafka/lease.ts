/** For how long a group's coordinator has said nothing of a member. */
export interface Lease {
  /** It has confirmed the member, asked at that time of `performance.now()`. */
  renew(askedMs: number): void
  /** Since the question. */
  ageMs(): number
}

/** By two clocks, of which the longer one counts: one stands still while the machine is suspended, the other can be set. */
export function createLease(): Lease {
  let askedMs = Number.NEGATIVE_INFINITY
  let askedDayMs = Number.NEGATIVE_INFINITY
  return {
    renew(at) {
      askedMs = at
      askedDayMs = Date.now() - (performance.now() - at)
    },
    ageMs: () => Math.max(performance.now() - askedMs, Math.abs(Date.now() - askedDayMs)),
  }
}
