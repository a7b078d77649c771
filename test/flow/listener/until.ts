import { setTimeout } from 'node:timers/promises'

/** Long enough for a machine that is busy with other tests. */
const PATIENCE_MS = 20_000
const LOOK_EVERY_MS = 5

/** Waits for a condition. @throws {Error} when it doesn't come true. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for this: ${what}.`)
    await setTimeout(LOOK_EVERY_MS)
  }
}
