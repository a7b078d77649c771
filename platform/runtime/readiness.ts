import { setTimeout } from 'node:timers/promises'
import { MillraceError } from './errors.ts'

/** Longer than a healthy store ever takes, shorter than a probe waits. */
export const CHECK_TIMEOUT_MS = 2_000

/** Each resolves when the dependency could do work now. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<unknown>>>

export interface Readiness {
  readonly status: 'ready' | 'unavailable'
  readonly checks: readonly CheckResult[]
}

interface CheckResult {
  readonly name: string
  readonly state: 'up' | 'down'
  readonly durationMs: number
  /** A code, never a message: messages may name hosts and paths, and anyone may ask. */
  readonly why?: string
}

/** Runs all checks side by side. Those who ask meanwhile share one run, so that a flood of probes is not a flood for the stores. */
export function createReadiness(checks: ReadinessChecks, timeoutMs: number): () => Promise<Readiness> {
  let underWay: Promise<Readiness> | undefined

  async function runAll(): Promise<Readiness> {
    const results = await Promise.all(Object.entries(checks).map(([name, check]) => runCheck(name, check, timeoutMs)))
    return { status: results.every(({ state }) => state === 'up') ? 'ready' : 'unavailable', checks: results }
  }

  return () => {
    underWay ??= runAll().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

async function runCheck(name: string, check: () => Promise<unknown>, timeoutMs: number): Promise<CheckResult> {
  const startMs = performance.now()
  const why = await faultOf(check, timeoutMs)
  const durationMs = Math.round(performance.now() - startMs)
  return why === undefined ? { name, state: 'up', durationMs } : { name, state: 'down', durationMs, why }
}

async function faultOf(check: () => Promise<unknown>, timeoutMs: number): Promise<string | undefined> {
  const timer = new AbortController()
  const expiry = setTimeout(timeoutMs, 'timeout', { signal: timer.signal }).catch(() => undefined)
  try {
    return await Promise.race([check().then(() => undefined), expiry])
  } catch (error) {
    return error instanceof MillraceError ? error.code : 'internal.error'
  } finally {
    timer.abort()
  }
}
