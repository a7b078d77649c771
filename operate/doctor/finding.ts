export const FINDING_STATES = ['ok', 'warn', 'fail'] as const
export type FindingState = (typeof FINDING_STATES)[number]

/** What one check saw. */
export interface Finding {
  readonly name: string
  readonly state: FindingState
  readonly found: string
  /** What to do about it; empty when there is nothing to do. */
  readonly advice: string
}

export const ok = (name: string, found: string): Finding => ({ name, state: 'ok', found, advice: '' })
export const warn = (name: string, found: string, advice: string): Finding => ({ name, state: 'warn', found, advice })
export const fail = (name: string, found: string, advice: string): Finding => ({ name, state: 'fail', found, advice })

const unchecked = new WeakSet<object>()

/** A check that can't be made is itself a finding; the others go on. */
export async function attempt<T>(name: string, check: () => Promise<T>): Promise<T | Finding> {
  try {
    return await check()
  } catch (error) {
    const finding = warn(name, 'not checked', error instanceof Error ? error.message : String(error))
    unchecked.add(finding)
    return finding
  }
}

/** Tells what `attempt` gives when the check threw from what the check gives. */
export const isUnchecked = (outcome: object): outcome is Finding => unchecked.has(outcome)
