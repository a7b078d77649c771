/** Tells whoever waits that something has changed; what, they look up themselves. */
export interface Change {
  announce(): void
  /** Resolves at the next `announce`, or when `signal` fires. */
  next(signal: AbortSignal): Promise<void>
}

export function createChange(): Change {
  const waiting = new Set<() => void>()
  return {
    announce() {
      for (const wake of [...waiting]) wake()
    },
    next(signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve()
        const wake = (): void => {
          signal.removeEventListener('abort', wake)
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
        signal.addEventListener('abort', wake, { once: true })
      })
    },
  }
}
