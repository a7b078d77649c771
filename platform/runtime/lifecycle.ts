import type { Logger } from './log.ts'

/** A part that has been started. */
export interface Running {
  readonly name: string
  /** Ends the part: first takes no more in, then finishes what it has. Safe to call once; resolves when nothing is left running. */
  stop(): Promise<void>
}

export type Start = () => Promise<Running>

/**
 * Starts parts in order, waits for `signal`, then stops them in reverse order.
 *
 * List sinks first and sources last: stopping then closes the tap before it drains the pipe.
 * If a part fails to start, the parts already running are stopped and the error is rethrown.
 */
export async function run(starts: readonly Start[], signal: AbortSignal, log: Logger): Promise<void> {
  const running: Running[] = []
  try {
    for (const start of starts) {
      if (signal.aborted) break
      const part = await start()
      running.push(part)
      log.debug({ part: part.name }, 'Part started.')
    }
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  } finally {
    for (const part of running.reverse()) {
      await part.stop()
      log.debug({ part: part.name }, 'Part stopped.')
    }
  }
}
