export const VIOLATION_KINDS = [
  'lost',
  'doubled',
  'altered',
  'stranger',
  'forbidden-acknowledged',
  'not-rejected',
  'out-of-order',
  'offset-back',
  'damaged',
  'not-ready',
] as const
export type ViolationKind = (typeof VIOLATION_KINDS)[number]

/** Something that the product promised and didn't keep. */
export interface Violation {
  readonly kind: ViolationKind
  /** Where it was seen: `api`, `store`, `log`, `rejected`, or the part of the run. */
  readonly where: string
  readonly detail: string
}

/** How often each kind was found; kinds that weren't are 0. */
export function countByKind(violations: readonly Violation[]): Readonly<Record<ViolationKind, number>> {
  const count = Object.fromEntries(VIOLATION_KINDS.map((kind) => [kind, 0]))
  for (const { kind } of violations) count[kind] = (count[kind] ?? 0) + 1
  const of = (kind: ViolationKind): number => count[kind] ?? 0
  return {
    lost: of('lost'),
    doubled: of('doubled'),
    altered: of('altered'),
    stranger: of('stranger'),
    'forbidden-acknowledged': of('forbidden-acknowledged'),
    'not-rejected': of('not-rejected'),
    'out-of-order': of('out-of-order'),
    'offset-back': of('offset-back'),
    damaged: of('damaged'),
    'not-ready': of('not-ready'),
  }
}
