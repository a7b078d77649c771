import { type Finding, fail, ok, warn } from './finding.ts'

/** Before this the program didn't exist, so a clock that says so isn't set. */
const YEAR_MIN = 2025
const YEAR_MAX = 2100
const STEP_MS_WARN = 1_000
const DRIFT_MS_WARN = 2_000
/** Past this a gateway's right time looks like a time ahead, and its readings are rejected. */
const DRIFT_MS_FAIL = 300_000
const FETCH_TIMEOUT_MS = 5_000

export interface ClockState {
  readonly nowMs: number
  /** How far the wall clock was set since the process that was asked began, milliseconds. */
  readonly stepMs: number
  /** When the newest record was received, by this same clock; undefined when there is none. */
  readonly newestRecordMs?: number | undefined
  /** What another clock said at `nowMs`; undefined when none was asked. Exact to a second. */
  readonly referenceMs?: number | undefined
}

const ADVICE = 'Set the clock and keep it right by NTP: timedatectl set-ntp true.'

export function checkClock({ nowMs, stepMs, newestRecordMs, referenceMs }: ClockState): Finding {
  const found = new Date(nowMs).toISOString()
  const year = new Date(nowMs).getUTCFullYear()
  if (year < YEAR_MIN || year > YEAR_MAX) return fail('clock', `${found} can't be right`, ADVICE)
  if (newestRecordMs !== undefined && newestRecordMs - nowMs > DRIFT_MS_WARN) {
    const advice = `A record was received ${seconds(newestRecordMs - nowMs)} after now: the clock was set back. ${ADVICE}`
    return newestRecordMs - nowMs > DRIFT_MS_FAIL ? fail('clock', found, advice) : warn('clock', found, advice)
  }
  if (referenceMs !== undefined && Math.abs(nowMs - referenceMs) > DRIFT_MS_WARN) {
    const direction = nowMs > referenceMs ? 'ahead of' : 'behind'
    const drift = `${found}, ${seconds(Math.abs(nowMs - referenceMs))} ${direction} the reference`
    return Math.abs(nowMs - referenceMs) > DRIFT_MS_FAIL ? fail('clock', drift, ADVICE) : warn('clock', drift, ADVICE)
  }
  if (Math.abs(stepMs) > STEP_MS_WARN) {
    const advice = 'Steps make times of receipt jump. Let NTP slew the clock (chrony: makestep only at the start).'
    return warn('clock', `${found}, set ${stepMs > 0 ? 'ahead' : 'back'} by ${seconds(Math.abs(stepMs))} while running`, advice)
  }
  return ok('clock', found)
}

const seconds = (durationMs: number): string => `${(durationMs / 1_000).toFixed(0)} s`

/** The time that a web server gives in its Date header, epoch milliseconds, half a second added because the header has whole seconds. */
export async function readReferenceTime(url: string): Promise<number> {
  const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), redirect: 'manual' })
  const timeMs = Date.parse(response.headers.get('date') ?? '')
  if (Number.isNaN(timeMs)) throw new Error(`${url} gives no Date.`)
  return timeMs + 500
}
