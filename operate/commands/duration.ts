import { InvalidArgumentError } from 'commander'

const MS_BY_UNIT = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
])
const DURATION = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d|w)$/

/** `90s`, `10m`, `1.5h`, `14d`, `2w` in milliseconds; `0` needs no unit. */
export function parseDuration(text: string): number {
  if (text === '0') return 0
  const [, amount, unit] = DURATION.exec(text) ?? []
  const unitMs = MS_BY_UNIT.get(unit ?? '')
  if (amount === undefined || unitMs === undefined)
    throw new InvalidArgumentError('Write a number and a unit: 90s, 10m, 1h, 14d or 2w.')
  return Math.round(Number(amount) * unitMs)
}

/** A whole number in a range, for flags. */
export function parseWhole(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d{1,15}$/.test(text) && number >= minimum && number <= maximum) return number
    throw new InvalidArgumentError(`Write a whole number from ${minimum} to ${maximum}.`)
  }
}
