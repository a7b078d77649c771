import { type MessagePort, Worker } from 'node:worker_threads'
import { type ErrorCode, type ErrorMessage, fromErrorMessage, toErrorMessage } from './errors.ts'

/** What a thread can be asked, by name. Parameters and results must survive a structured clone. */
export type Handlers = { readonly [name: string]: (...parameters: never[]) => unknown }

interface Request {
  readonly id: number
  readonly name: string
  readonly parameters: readonly never[]
}

interface Response {
  readonly id: number
  readonly result?: unknown
  readonly error?: ErrorMessage
}

/** A worker seen from outside, the parent port seen from inside, or one end of a message channel. */
export type Channel = Worker | MessagePort

function listen<M>(channel: Channel, listener: (message: M) => void): void {
  if (channel instanceof Worker) channel.on('message', listener)
  else channel.on('message', listener)
}

/** Answers the calls of a `createCaller` on the other side of `channel`. Errors keep their code; unknown ones take `fallback`. */
export function answer(channel: Channel, handlers: Handlers, fallback: ErrorCode): void {
  answerOnceOpen(channel, () => handlers, fallback)
}

/**
 * As `answer`, for handlers that must be opened first; `open` is called at once. When it fails, every call gets its error, code and all:
 * a store that can't be opened must be explained to whoever asked for it, and must not end the thread.
 */
export function answerOnceOpen(channel: Channel, open: () => Handlers | Promise<Handlers>, fallback: ErrorCode): void {
  const opened = Promise.try(open)
  opened.catch(() => undefined)
  listen(channel, async ({ id, name, parameters }: Request) => {
    try {
      const handlers = await opened
      const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
      if (handler === undefined) throw new TypeError(`A thread was asked for ${name}, which it does not know.`)
      const result = await handler(...parameters)
      channel.postMessage({ id, result } satisfies Response)
    } catch (error) {
      channel.postMessage({ id, error: toErrorMessage(error, fallback) } satisfies Response)
    }
  })
}

export interface Caller<H extends Handlers> {
  /** @throws {MillraceError} what the handler threw, or `unavailable` once the other side is gone. */
  call<K extends keyof H & string>(name: K, ...parameters: Parameters<H[K]>): Promise<Awaited<ReturnType<H[K]>>>
  /** As `call`; `transfer` is moved instead of copied and can't be used here afterwards. */
  callWith<K extends keyof H & string>(
    transfer: readonly (ArrayBuffer | MessagePort)[],
    name: K,
    ...parameters: Parameters<H[K]>
  ): Promise<Awaited<ReturnType<H[K]>>>
  /** Fails every call under way and every later one. */
  fail(reason: string): void
}

interface Pending {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** @param unavailable  The code of the error when the other side is gone. */
export function createCaller<H extends Handlers>(channel: Channel, unavailable: ErrorCode): Caller<H> {
  const pending = new Map<number, Pending>()
  let nextId = 0
  let failure: string | undefined

  listen(channel, ({ id, result, error }: Response) => {
    const waiting = pending.get(id)
    pending.delete(id)
    if (error) waiting?.reject(fromErrorMessage(error, unavailable))
    else waiting?.resolve(result)
  })
  // A worker that ends says so by itself; of a port, only the close tells that nobody will answer any more.
  if (!(channel instanceof Worker)) channel.on('close', () => fail('The other side of a message channel is gone.'))

  function fail(reason: string): void {
    failure ??= reason
    for (const waiting of pending.values())
      waiting.reject(fromErrorMessage({ code: unavailable, message: reason, details: {} }, unavailable))
    pending.clear()
  }

  function callWith<K extends keyof H & string>(
    transfer: readonly (ArrayBuffer | MessagePort)[],
    name: K,
    ...parameters: Parameters<H[K]>
  ) {
    return new Promise<Awaited<ReturnType<H[K]>>>((resolve, reject) => {
      if (failure !== undefined)
        return reject(fromErrorMessage({ code: unavailable, message: failure, details: {} }, unavailable))
      const id = nextId++
      // Throws when something can't be cloned: then there is nothing to wait for.
      channel.postMessage({ id, name, parameters }, transfer)
      pending.set(id, { resolve, reject })
    })
  }

  return { fail, callWith, call: (name, ...parameters) => callWith([], name, ...parameters) }
}

export interface Thread<H extends Handlers> extends Caller<H> {
  /** Hands `port` to the thread's `onPort`, so that another thread can speak to it without passing through here. */
  readonly worker: Worker
  /** Ends the thread at once. */
  terminate(): Promise<void>
}

export interface ThreadOptions {
  /** The module that the thread runs; it calls `answer(parentPort, …)`. */
  readonly module: URL
  readonly data: object
  /** Ports in `data` that are handed over. */
  readonly transfer?: readonly MessagePort[]
  readonly unavailable: ErrorCode
  /** Called when the thread ends by itself, which it never should: the process must stop. */
  readonly onDeath: (error: Error) => void
  readonly heapMaxMiB?: number
  /** Memory for new objects. Small is right for a thread that makes few: it is filled before anything is collected. */
  readonly youngMaxMiB?: number
}

/** Starts a worker thread and calls it by name. */
export function startThread<H extends Handlers>({
  module,
  data,
  transfer = [],
  unavailable,
  onDeath,
  heapMaxMiB = 256,
  youngMaxMiB = 3,
}: ThreadOptions): Thread<H> {
  const worker = new Worker(module, {
    workerData: data,
    transferList: [...transfer],
    resourceLimits: { maxOldGenerationSizeMb: heapMaxMiB, maxYoungGenerationSizeMb: youngMaxMiB },
  })
  const caller = createCaller<H>(worker, unavailable)
  let isStopping = false

  function die(error: Error): void {
    caller.fail(error.message)
    if (!isStopping) onDeath(error)
    isStopping = true
  }
  worker.on('error', die)
  worker.on('exit', (code) => die(new Error(`The thread ${module.pathname.split('/').at(-1)} ended with code ${code}.`)))

  return {
    ...caller,
    worker,
    async terminate() {
      isStopping = true
      await worker.terminate()
    },
  }
}
