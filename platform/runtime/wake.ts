export function wake(waiting: ReadonlySet<() => void>): void {
  for (const resolve of waiting) resolve()
}

/** Resolves at the next `wake`, or when the signal fires. */
export function untilWoken(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      waiting.delete(done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    waiting.add(done)
    signal.addEventListener('abort', done, { once: true })
  })
}
