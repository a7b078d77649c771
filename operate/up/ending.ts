import type { Logger } from '../../platform/runtime/log.ts'
import { EXIT } from '../output/exit-codes.ts'

/** A stop that takes longer is cut off: an operator or an init system is waiting. */
const STOP_TIMEOUT_MS = 9_500
/** 128 + SIGINT, for a second Ctrl-C. */
const EXIT_IMPATIENT = 130

export interface Ending {
  /** Resolves when somebody asks for the end. */
  readonly asked: Promise<void>
  /** A thread ended by itself. */
  die(error: Error): void
  /** Runs what stops the parts, and ends the process if it takes too long. */
  stop(work: () => Promise<void>): Promise<void>
}

/** How the process comes to its end: asked to by a signal, told twice, or because a thread died. */
export function createEnding(log: Logger): Ending {
  const { promise, resolve } = Promise.withResolvers<void>()
  let isAsked = false
  const ask = (): void => {
    if (isAsked) process.exit(EXIT_IMPATIENT)
    isAsked = true
    resolve()
  }
  process.on('SIGINT', ask)
  process.on('SIGTERM', ask)
  return {
    asked: promise,
    die(error) {
      log.fatal(
        { err: error },
        'A thread ended by itself, so nothing can be acknowledged any more. Start Millrace again; gateways send what was not acknowledged.',
      )
      process.exit(EXIT.unavailable)
    },
    async stop(work) {
      log.info('Stopping.')
      const impatience = setTimeout(() => {
        log.error(
          { timeoutMs: STOP_TIMEOUT_MS },
          'A part did not stop in time; the process ends now. Nothing that was acknowledged is lost.',
        )
        process.exit(EXIT.unavailable)
      }, STOP_TIMEOUT_MS)
      await work()
      clearTimeout(impatience)
      log.info('Stopped; nothing that was acknowledged is lost.')
    },
  }
}
