import type { Random } from './random.ts'

export const MOMENT_KINDS = ['load', 'ack', 'early', 'startup', 'shutdown'] as const
export type MomentKind = (typeof MOMENT_KINDS)[number]

/** When a life of the product ends. */
export interface Moment {
  readonly kind: MomentKind
  /** Milliseconds from what the kind counts from: the first acknowledgement, readiness, or the start of the process. */
  readonly delayMs: number
  /** `ack`: the kill comes in the turn in which this acknowledgement of the life is read. */
  readonly acks: number
  /** `shutdown`: milliseconds from SIGTERM to SIGKILL. */
  readonly graceMs: number
}

/** Of twenty kills, so many are of each kind, in an order that the seed decides. */
const SHARES: Readonly<Record<MomentKind, number>> = { load: 7, ack: 5, early: 3, startup: 3, shutdown: 2 }
const DELAY_MS_MAX: Readonly<Record<MomentKind, number>> = { load: 700, ack: 0, early: 250, startup: 1_200, shutdown: 300 }
const ACKS_MAX = 400
const GRACE_MS_MAX = 120

export function* planMoments(random: Random): Generator<Moment, never> {
  for (;;) {
    for (const kind of shuffle(deck(), random)) {
      yield {
        kind,
        delayMs: random.below(DELAY_MS_MAX[kind] + 1),
        acks: 1 + random.below(ACKS_MAX),
        graceMs: random.below(GRACE_MS_MAX),
      }
    }
  }
}

const deck = (): MomentKind[] => MOMENT_KINDS.flatMap((kind) => Array.from({ length: SHARES[kind] }, () => kind))

/** Fisher and Yates. */
function shuffle(kinds: readonly MomentKind[], random: Random): readonly MomentKind[] {
  const left = [...kinds]
  const shuffled: MomentKind[] = []
  while (left.length > 0) shuffled.push(...left.splice(random.below(left.length), 1))
  return shuffled
}
