import { setTimeout } from 'node:timers/promises'

const ASK_EVERY_MS = 20

/** Asks again and again until the answer is there. @throws {Error} when that takes longer than `timeoutMs`. */
export async function until<T>(what: string, timeoutMs: number, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > endMs) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}.`)
    await setTimeout(ASK_EVERY_MS)
  }
}
