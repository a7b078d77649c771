import { CommanderError } from 'commander'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { exitCodeOf } from './exit-codes.ts'
import type { Output } from './output.ts'
import { printable } from './printable.ts'

/** Says what went wrong and what to do next, on standard error, and gives the exit code. */
export function report(error: unknown, { isJson, streams: { stderr }, paint }: Output): number {
  const exitCode = exitCodeOf(error)
  // commander has written its own message, and help is no failure.
  if (error instanceof CommanderError && (exitCode === 0 || !isJson)) return exitCode
  const { code, message, details } = describe(error)
  if (isJson) stderr.write(`${JSON.stringify({ error: { code, message, details } })}\n`)
  else stderr.write(`${paint('red', 'error:')} ${message.split('\n').map(printable).join('\n')} ${paint('dim', `[${code}]`)}\n`)
  if (code === 'bug' && !isJson && error instanceof Error) stderr.write(`${error.stack ?? ''}\n`)
  return exitCode
}

function describe(error: unknown) {
  if (error instanceof MillraceError) return { code: error.code, message: error.message, details: error.details }
  if (error instanceof CommanderError) {
    const message =
      error.code === 'commander.help' ? 'A command is missing. See millrace --help.' : error.message.replace(/^error: /, '')
    return { code: 'usage.invalid', message, details: {} }
  }
  const reason = error instanceof Error ? error.message : String(error)
  return { code: 'bug', message: `Millrace met an error that it does not know: ${reason} Please report it.`, details: {} }
}
