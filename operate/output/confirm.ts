import { createInterface } from 'node:readline/promises'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { Output } from './output.ts'

export interface Confirmation {
  /** What will happen, as a sentence. */
  readonly warning: string
  readonly isConfirmed: boolean
}

/**
 * Asks a person before something that can't be taken back; a program must pass `--yes`.
 *
 * @throws {MillraceError} `usage.invalid` when nobody can be asked, or the answer isn't yes.
 */
export async function confirm({ streams, isInteractive, isJson }: Output, { warning, isConfirmed }: Confirmation): Promise<void> {
  if (isConfirmed) return
  if (!isInteractive || isJson) throw new MillraceError('usage.invalid', `${warning} Pass --yes to go on.`)
  const questions = createInterface({ input: streams.stdin, output: streams.stderr })
  try {
    const answer = await questions.question(`${warning} Go on? [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new MillraceError('usage.invalid', 'Nothing was changed.')
  } finally {
    questions.close()
  }
}
