import Table from 'cli-table3'
import { printable } from './printable.ts'

const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
}

/** Columns without lines between them, so that they can be read by people and cut by `awk`. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const style = { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true }
  const drawn = new Table({ chars: NO_LINES, style })
  drawn.push([...head], ...rows.map((row) => row.map(printable)))
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** `2026-03-01 12:00` in UTC, or a hyphen. */
export const shortTime = (time: string | undefined): string =>
  time === undefined ? '-' : `${time.slice(0, 10)} ${time.slice(11, 16)}`
