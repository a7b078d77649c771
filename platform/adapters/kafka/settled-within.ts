import { setTimeout } from 'node:timers/promises'

/** Waits until `work` has settled, one way or the other, but no longer than this: kafkajs' ways to part now and then never end (tulios/kafkajs#918, #1167). */
export async function settledWithin(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const timeout = new AbortController()
  const settled = work.catch(() => undefined)
  const waited = setTimeout(timeoutMs, undefined, { signal: timeout.signal }).catch(() => undefined)
  await Promise.race([settled, waited])
  timeout.abort()
}
