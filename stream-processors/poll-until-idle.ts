import type { Consumer, LogRecord, PollLimit } from '../platform/ports/event-log.ts'

/** As `poll`. @returns an empty array also when there was nothing to read for so long. */
export async function pollUntilIdle(
  consumer: Pick<Consumer, 'poll'>,
  { limit, idleMs }: { readonly limit: PollLimit; readonly idleMs: number },
  signal: AbortSignal,
): Promise<readonly LogRecord[]> {
  // Not `AbortSignal.any`: each would stay with `signal` until it is collected, and there are thirty a second.
  const ending = new AbortController()
  const end = (): void => ending.abort()
  const timer = setTimeout(end, idleMs)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  try {
    return await consumer.poll(limit, ending.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}
