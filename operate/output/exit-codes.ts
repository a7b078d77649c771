import { CommanderError } from 'commander'
import { type ErrorCode, MillraceError, type Remedy } from '../../platform/runtime/errors.ts'

/** After BSD's sysexits, so that a script can tell what to do from the number alone. */
export const EXIT = { done: 0, usage: 64, data: 65, unavailable: 69, bug: 70, configuration: 78 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

const EXIT_BY_REMEDY: Readonly<Record<Remedy, ExitCode>> = {
  reject: EXIT.data,
  retry: EXIT.unavailable,
  stop: EXIT.configuration,
}
/** Where the remedy alone would say too little. */
const EXIT_BY_CODE: Readonly<Partial<Record<ErrorCode, ExitCode>>> = { 'usage.invalid': EXIT.usage, 'query.invalid': EXIT.usage }

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof MillraceError) return EXIT_BY_CODE[error.code] ?? EXIT_BY_REMEDY[error.remedy]
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  return EXIT.bug
}
