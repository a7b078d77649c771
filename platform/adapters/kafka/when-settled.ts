import { setTimeout } from 'node:timers/promises'

const ATTEMPTS = 20
const AGAIN_MS = 300

/** A busy broker, or another one, may deny for a moment that a topic is there which has just been made, or that it keeps a group's offsets. */
export async function whenSettled<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const isPassing = error instanceof Error && 'retriable' in error && error.retriable === true
      if (!isPassing || attempt === ATTEMPTS) throw error
      await setTimeout(AGAIN_MS)
    }
  }
}
