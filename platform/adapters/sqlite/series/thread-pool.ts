import { type ErrorCode, MillraceError } from '../../../runtime/errors.ts'
import type { Handlers, Thread } from '../../../runtime/thread.ts'

/** Asks any free thread, waiting for one if need be. */
export type Ask<H extends Handlers> = <K extends keyof H & string>(
  name: K,
  ...parameters: Parameters<H[K]>
) => Promise<Awaited<ReturnType<H[K]>>>

export interface ThreadPoolOptions<H extends Handlers> {
  readonly threads: readonly Thread<H>[]
  /** Runs that may be under way at once, beside one for each thread; further ones are refused. */
  readonly waitingMax: number
  readonly unavailable: ErrorCode
}

interface Waiting<H extends Handlers> {
  resolve(thread: Thread<H>): void
  reject(error: Error): void
}

/**
 * Shares equal threads among callers, first come, first served, one call a thread at a time. A run that needs several calls
 * stands in line anew for each, so long ones and short ones take turns.
 */
export function createThreadPool<H extends Handlers>({ threads, waitingMax, unavailable }: ThreadPoolOptions<H>) {
  const idle = [...threads]
  const waiting = new Set<Waiting<H>>()
  let runs = 0
  let failure: string | undefined

  function acquire(signal: AbortSignal): Promise<Thread<H>> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      if (failure !== undefined) return reject(new MillraceError(unavailable, failure))
      const thread = idle.pop()
      if (thread !== undefined) return resolve(thread)
      const abort = () => {
        waiting.delete(entry)
        reject(signal.reason)
      }
      const forgetSignal = () => signal.removeEventListener('abort', abort)
      const entry: Waiting<H> = {
        resolve(free) {
          forgetSignal()
          resolve(free)
        },
        reject(error) {
          forgetSignal()
          reject(error)
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      waiting.add(entry)
    })
  }

  function release(thread: Thread<H>): void {
    for (const next of waiting) {
      waiting.delete(next)
      return next.resolve(thread)
    }
    idle.push(thread)
  }

  function fail(reason: string): void {
    failure ??= reason
    for (const entry of waiting) entry.reject(new MillraceError(unavailable, reason))
    waiting.clear()
  }

  async function ask<K extends keyof H & string>(signal: AbortSignal, name: K, ...parameters: Parameters<H[K]>) {
    const thread = await acquire(signal)
    const call = thread.call(name, ...parameters)
    const done = () => release(thread)
    call.then(done, done)
    return { result: await untilAborted(call, signal) }
  }

  return {
    /**
     * @param signal  Ends the wait at once; a thread that is at work finishes its present call, and nobody gets the result.
     * @throws {MillraceError} `unavailable` when too many runs are under way, or the threads are gone.
     * @throws the signal's reason when it has fired.
     */
    async run<T>(signal: AbortSignal, work: (ask: Ask<H>) => Promise<T>): Promise<T> {
      if (runs >= waitingMax + threads.length) {
        throw new MillraceError(unavailable, `${runs} calls are under way, which is the limit. Retry in a moment.`)
      }
      runs++
      try {
        return await work((name, ...parameters) => ask(signal, name, ...parameters).then(({ result }) => result))
      } finally {
        runs--
      }
    },
    /** Fails every wait, and every later run. */
    fail,
  }
}

/** @returns as `promise`, but rejects with the signal's reason as soon as it fires. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
