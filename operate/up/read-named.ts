import { readFileSync } from 'node:fs'
import { MillraceError } from '../../platform/runtime/errors.ts'

/** What is in the file that a variable names: certificates and secrets. @throws {MillraceError} `config.invalid`, naming the variable. */
export function readNamed(variable: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('config.invalid', `${variable} can not be read: ${reason}`, { cause })
  }
}
