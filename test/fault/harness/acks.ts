/** Counts the acknowledgements of one life of the product, over all gateways. */
export interface Acks {
  /** A new process: counts from 0 again. */
  reset(): void
  acked(): void
  /** Calls `act` in the turn in which acknowledgement number `count` is read; a later call takes the place of this one. */
  at(count: number, act: () => void): void
  /** Milliseconds from the reset to the first one; undefined before it. */
  firstMs(): number | undefined
}

export function createAcks(): Acks {
  let count = 0
  let startMs = performance.now()
  let firstMs: number | undefined
  let wanted = Number.POSITIVE_INFINITY
  let act: () => void = () => undefined

  return {
    reset() {
      count = 0
      startMs = performance.now()
      firstMs = undefined
      wanted = Number.POSITIVE_INFINITY
    },
    acked() {
      count++
      firstMs ??= performance.now() - startMs
      if (count < wanted) return
      wanted = Number.POSITIVE_INFINITY
      act()
    },
    at(reached, then) {
      wanted = reached
      act = then
    },
    firstMs: () => firstMs,
  }
}
