// A thread for tests: it answers, fails, hangs and dies when it is asked to.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { MillraceError } from '../../../platform/runtime/errors.ts'
import { answer, answerOnceOpen } from '../../../platform/runtime/thread.ts'

export interface OddThreadData {
  readonly opens: 'well' | 'never'
}

const handlers = {
  echo: (value: unknown) => value,
  sizeOf: (bytes: Uint8Array) => bytes.byteLength,
  refuse(): void {
    throw new MillraceError('tenant.exists', 'There is an acme already.', { details: { tenant: 'acme' } })
  },
  break(): void {
    throw new RangeError('out of range')
  },
  unclonable: () => () => undefined,
  hang: () => new Promise<void>(() => undefined),
  exit: () => process.exit(3),
  throwLater: () =>
    void setImmediate(() => {
      throw new Error('thrown where nobody waits')
    }),
  connect: (port: MessagePort) => answer(port, handlers, 'event-log.unavailable'),
}

export type OddHandlers = typeof handlers

function open(): typeof handlers {
  const { opens }: OddThreadData = workerData
  if (opens === 'well') return handlers
  throw new MillraceError('store.newer', 'The store is newer.')
}

if (parentPort) answerOnceOpen(parentPort, open, 'event-log.unavailable')
