export interface Totals {
  readonly pass: number
  readonly fail: number
  readonly skip: number
  readonly todo: number
}

/**
 * The totals that tap 21 writes at the end of its output: `# { total: 10, pass: 8, fail: 1, skip: 1 }`. Zeroes are left out there.
 *
 * @returns undefined when the run broke off before its end, or said that it did.
 */
export function parseTotals(output: string): Totals | undefined {
  if (/^Bail out!/m.test(output)) return undefined
  const line = [...output.matchAll(/^# \{ total: \d+[^}]*\}$/gm)].at(-1)?.[0]
  if (line === undefined) return undefined
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { pass: count('pass'), fail: count('fail'), skip: count('skip'), todo: count('todo') }
}
