import { setTimeout } from 'node:timers/promises'

export const GIVEN_UP = Symbol('given up')

/**
 * Waits for `work`, but no longer than `graceMs` once `signal` has fired: what hangs must not keep the process from stopping.
 * Work that was given up goes on unheard.
 */
export async function untilGrace<T>(work: Promise<T>, graceMs: number, signal: AbortSignal): Promise<T | typeof GIVEN_UP> {
  const done = new AbortController()
  try {
    return await Promise.race([work, givenUp(graceMs, signal, done.signal)])
  } finally {
    done.abort()
    work.catch(() => undefined)
  }
}

/** Never settles when the work is done first, or when `signal` never fires. */
function givenUp(graceMs: number, signal: AbortSignal, done: AbortSignal): Promise<typeof GIVEN_UP> {
  return new Promise((resolve) => {
    const begin = (): void => {
      setTimeout(graceMs, GIVEN_UP, { signal: done }).then(resolve, () => undefined)
    }
    if (signal.aborted) begin()
    else signal.addEventListener('abort', begin, { once: true, signal: done })
  })
}
