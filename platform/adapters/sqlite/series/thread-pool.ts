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

/**
 * Shares equal threads among callers, first come, first served, one call a thread at a time. A run that needs several calls
 * stands in line anew for each, so long ones and short ones take turns.
 */
export function createThreadPool<H extends Handlers>({ threads, waitingMax, unavailable }: ThreadPoolOptions<H>) {
  const line = createLine(threads)
  let runs = 0

  async function ask<K extends keyof H & string>(signal: AbortSignal, name: K, ...parameters: Parameters<H[K]>) {
    const thread = await line.take(signal)
    const giveBack = () => line.give(thread)
    if (signal.aborted) giveBack()
    signal.throwIfAborted()
    const call = thread.call(name, ...parameters)
    call.then(giveBack, giveBack)
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
    /** Fails everyone who waits, and every later run. */
    fail: (reason: string): void => line.close(new MillraceError(unavailable, reason)),
  }
}

interface Waiting<T> {
  resolve(thing: T): void
  reject(error: Error): void
}

/** Things of which one at a time is taken, used and given back; who finds none waits in line. */
function createLine<T>(things: readonly T[]) {
  const free = [...things]
  const waiting = new Set<Waiting<T>>()
  let failure: Error | undefined

  function wait(signal: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const entry = { resolve, reject }
    // Leaving the line in the same instant as the signal fires: a thing that is handed to nobody would be lost.
    const leave = () => {
      waiting.delete(entry)
      reject(signal.reason)
    }
    waiting.add(entry)
    signal.addEventListener('abort', leave, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', leave))
  }

  return {
    async take(signal: AbortSignal): Promise<T> {
      signal.throwIfAborted()
      if (failure !== undefined) throw failure
      return free.pop() ?? wait(signal)
    },
    give(thing: T): void {
      const [next] = waiting
      if (next === undefined) free.push(thing)
      else waiting.delete(next)
      next?.resolve(thing)
    },
    close(error: Error): void {
      failure ??= error
      for (const entry of waiting) entry.reject(error)
      waiting.clear()
    },
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
