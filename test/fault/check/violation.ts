export type ViolationKind =
  | 'lost'
  | 'doubled'
  | 'altered'
  | 'stranger'
  | 'forbidden-acknowledged'
  | 'not-rejected'
  | 'out-of-order'
  | 'offset-back'
  | 'damaged'
  | 'crashed'
  | 'not-ready'
  | 'acknowledged-early'
  | 'memory'

/** Something that the product promised and didn't keep. */
export interface Violation {
  readonly kind: ViolationKind
  /** Where it was seen: `api`, `store`, `log`, `rejected`, or at which kill. */
  readonly where: string
  readonly detail: string
}

export const countOf = (violations: readonly Violation[], wanted: ViolationKind): number =>
  violations.filter(({ kind }) => kind === wanted).length

/** The first of them, one a line, for a person. */
export function describeViolations(violations: readonly Violation[], linesMax: number): string {
  const lines = violations.slice(0, linesMax).map(({ kind, where, detail }) => `  ${kind} (${where}): ${detail}`)
  const left = violations.length - lines.length
  return [...lines, ...(left > 0 ? [`  and ${left} more`] : [])].join('\n')
}
