import type { Logger } from './log.ts'

/** A part that has been started. */
export interface Running {
  readonly name: string
  /** Ends the part: first takes no more in, then finishes what it has. Called once; resolves when nothing is left running. */
  stop(): Promise<void>
}

export interface Parts {
  /**
   * Starts a part. If that fails, the parts already running are stopped, and the error is thrown on.
   * A part whose start ends after `stop` was called is stopped at once, and the call rejects.
   */
  start<T extends Running>(start: () => Promise<T>): Promise<T>
  /** Stops all parts, the last one first. A part that fails to stop doesn't keep the others from it. */
  stop(): Promise<void>
}

/**
 * Starts parts in order and stops them in reverse.
 *
 * Start sinks first and sources last: stopping then closes the tap before it drains the pipe.
 */
export function createParts(log: Logger): Parts {
  const running: Running[] = []
  let stopped: Promise<void> | undefined

  async function stopAll(): Promise<void> {
    for (let part = running.pop(); part !== undefined; part = running.pop()) {
      const startMs = performance.now()
      try {
        await part.stop()
        log.debug({ name: part.name, durationMs: Math.round(performance.now() - startMs) }, 'Part stopped.')
      } catch (error) {
        log.error({ name: part.name, err: error }, 'Part did not stop cleanly.')
      }
    }
  }

  const stop = (): Promise<void> => {
    stopped ??= stopAll()
    return stopped
  }

  return {
    stop,
    async start(start) {
      try {
        const part = await start()
        if (stopped !== undefined) {
          await part.stop()
          throw new Error(`The part ${part.name} was started while everything stopped.`)
        }
        running.push(part)
        log.debug({ name: part.name }, 'Part started.')
        return part
      } catch (error) {
        await stop()
        throw error
      }
    },
  }
}
