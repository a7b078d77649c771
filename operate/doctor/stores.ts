import { asSize } from '../output/amounts.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Reading a whole file takes about a second a GiB from a good disk; larger ones are only opened unless all is asked for. */
export const CHECKED_BYTES_MAX = 2_147_483_648

export interface StoreState {
  readonly file: string
  readonly sizeBytes: number
  /** False when the file was too large to be read as a whole. */
  readonly isWhole: boolean
  /** What is damaged; undefined when nothing was found. */
  readonly problem?: string
}

/** Looks at the store files of a folder that nothing runs on, without changing them. Files larger than `bytesMax` are only opened. */
export type StoreCheck = (folder: string, bytesMax: number) => Promise<readonly StoreState[]>

export function checkStore({ file, sizeBytes, isWhole, problem }: StoreState): Finding {
  const name = `store ${file}`
  if (problem !== undefined) {
    return fail(
      name,
      problem,
      'Do not start Millrace on it. Copy the folder first, then restore the latest backup, or ask for help.',
    )
  }
  if (!isWhole)
    return warn(
      name,
      `${asSize(sizeBytes)}, opens but was not read as a whole`,
      'Run millrace doctor --thorough to read all of it.',
    )
  return ok(name, `${asSize(sizeBytes)}, no damage`)
}
