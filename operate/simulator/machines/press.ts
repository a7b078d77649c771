import { createRandomStream, deriveSeed, type RandomStream } from '../random.ts'
import type { Activity, ShiftCalendar } from '../shifts.ts'
import { decayedPeak, type Machine, noiseIndex, type Tick, type Values } from './machine.ts'

const SLOT_MS = 90 * 60_000
const STOP_SLOT_MS = 5 * 60_000
const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS
/** Operators don't come to their presses in the same minute. */
const STAGGER_MS_MAX = 9 * 60_000
/** Flywheel and main motor: 2.4 times the rated power, gone after half a minute. */
const INRUSH = 2.4
const INRUSH_TAU_SECONDS = 9
const STANDBY_W = 260
const ISOLATED_W = 35
/** Off for longer than this, the main switch is off as well. */
const ISOLATED_AFTER_MS = 12 * 3_600_000
/** The controller forgets its counter about once a year. */
const RESET_SHARE_A_WEEK = 0.02

export interface Press extends Machine<undefined> {
  /** Strokes finished during the last tick; each takes air from the compressor. */
  strokes(): number
}

/** A mechanical press: a flywheel that turns while the shift is on, jobs with their own rate and force, tool changes and short stops. */
export function createPress(seed: number, calendar: ShiftCalendar): Press {
  const random = createRandomStream(deriveSeed(seed, 'noise'))
  const days = createRandomStream(deriveSeed(seed, 'days'))
  const traits = createRandomStream(deriveSeed(seed, 'traits'))
  const jobs = createJobs(seed)
  const ratedW = 24_000 + 16_000 * traits.uniform(0)
  const resets = createRandomStream(deriveSeed(seed, 'stroke-resets'))

  let onSeconds = 0
  let offMs = 0
  let total = Math.floor(2_000_000 + 6_000_000 * traits.uniform(1))
  let phase = 0
  let strokes = 0

  function step(tick: Tick): number {
    const { atMs, seconds } = tick
    if (isReset(tick)) total = 0
    const stagger = (days.uniform(Math.floor(atMs / DAY_MS)) - 0.3) * STAGGER_MS_MAX
    const activity = calendar.at(atMs - stagger)
    strokes = 0
    if (activity === 'off') return rest(tick)
    const flywheelW = ratedW * (0.15 + INRUSH * decayedPeak(onSeconds, tick, INRUSH_TAU_SECONDS))
    onSeconds += seconds
    offMs = 0
    const job = jobs.at(atMs, activity, onSeconds)
    const before = Math.floor(phase)
    phase += job.strokesPerSecond * seconds
    strokes = Math.floor(phase) - before
    total += strokes
    const formingW = (strokes * job.strokeJoules * ratedW) / seconds
    return (flywheelW + formingW) * (1 + 0.025 * random.normal(noiseIndex(tick)))
  }

  function rest(tick: Tick): number {
    onSeconds = 0
    offMs += tick.seconds * 1000
    return (offMs > ISOLATED_AFTER_MS ? ISOLATED_W : STANDBY_W) * (1 + 0.03 * random.normal(noiseIndex(tick)))
  }

  function isReset({ atMs, seconds }: Tick): boolean {
    const week = Math.floor(atMs / WEEK_MS)
    if (resets.uniform(2 * week) >= RESET_SHARE_A_WEEK) return false
    const resetMs = (week + resets.uniform(2 * week + 1)) * WEEK_MS
    return resetMs <= atMs && resetMs > atMs - seconds * 1000
  }

  return { step, strokes: () => strokes, values: (): Values => ({ strokes_total: total }) }
}

interface Job {
  readonly strokesPerSecond: number
  /** Joules a stroke for every watt of rated power. */
  readonly strokeJoules: number
}

const IDLE: Job = { strokesPerSecond: 0, strokeJoules: 0 }
const RUN_UP_SECONDS = 90

/** Which job runs when: every 90 minutes another one, after 6 to 18 minutes of changing the tool; short stops in between. */
function createJobs(seed: number): { at(atMs: number, activity: Activity, onSeconds: number): Job } {
  const slots: RandomStream = createRandomStream(deriveSeed(seed, 'jobs'))
  const stops: RandomStream = createRandomStream(deriveSeed(seed, 'stops'))
  const shift = slots.uniform(0) * SLOT_MS

  function isStopped(atMs: number): boolean {
    const slot = Math.floor(atMs / STOP_SLOT_MS)
    if (stops.uniform(2 * slot) > 0.12) return false
    return (atMs % STOP_SLOT_MS) / STOP_SLOT_MS < 0.2 + 0.6 * stops.uniform(2 * slot + 1)
  }

  return {
    at(atMs, activity, onSeconds) {
      const slot = Math.floor((atMs + shift) / SLOT_MS)
      const sinceMs = (atMs + shift) % SLOT_MS
      const changeMs = (6 + 12 * slots.uniform(4 * slot + 1)) * 60_000
      if (activity !== 'work' || onSeconds < RUN_UP_SECONDS || sinceMs < changeMs || isStopped(atMs)) return IDLE
      const strokesPerMinute = 16 + 16 * slots.uniform(4 * slot + 2)
      const load = 0.28 + 0.3 * slots.uniform(4 * slot + 3)
      return { strokesPerSecond: strokesPerMinute / 60, strokeJoules: (load * 60) / strokesPerMinute }
    },
  }
}
