/**
 * Places between two durable steps, at which a test can end the process as a power cut would: MILLRACE_CRASH_AT. Everywhere else they
 * cost one comparison.
 */
export const CRASH_POINTS = [
  'ingest.before-append',
  'ingest.after-append',
  'fix.after-topics',
  'fix.after-tables',
  'fix.after-buckets',
  'fix.after-token',
  'enrol.after-record',
  'process.after-place',
  'process.after-replay',
  'process.before-write',
  'process.after-write',
  'process.after-sensors',
  'process.after-rejected',
  'process.after-commit',
  'rejections.after-index',
] as const

export type CrashPoint = (typeof CRASH_POINTS)[number]

let armed: CrashPoint | undefined
let passesLeft = 0

/** @param text  `point` or `point:n`, for its n-th pass; anything else arms nothing. Holds for the calling thread. */
export function armCrashPoint(text: string | undefined): void {
  const [name, passes = '1'] = text?.split(':') ?? []
  armed = CRASH_POINTS.find((point) => point === name)
  passesLeft = Number(passes)
}

export function crashPoint(point: CrashPoint): void {
  if (armed !== point) return
  passesLeft -= 1
  if (passesLeft <= 0) process.kill(process.pid, 'SIGKILL')
}
