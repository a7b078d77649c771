import { receive } from '../../../ingest/receive.ts'
import type { GatewayName } from '../../../schemas/topics.ts'
import { costlyPayloads } from '../../unit/ingest/costly-payloads.ts'
import { createRandom, type Random } from '../harness/random.ts'
import type { Draft, Place, SoundReading } from './draft.ts'
import { createKnownFaults } from './known-faults.ts'
import { createUnknownFaults } from './unknown-faults.ts'

export interface ListedMessage {
  readonly kind: string
  readonly payload: Buffer
  readonly faults: readonly Place[]
  /** How many readings must be kept. */
  readonly goodCount: number
  /** Those readings, where they are known. */
  readonly good: readonly SoundReading[]
  /** What the product's own rules say, where the maker knows it already: the two must agree. */
  readonly isFoundAsMade: boolean
}

export interface MessageLists {
  /** Their faults are known from how they were made. */
  readonly known: readonly ListedMessage[]
  /** Their faults are what the product's rules, which are tested elsewhere, say about them: here it counts that each fault gets to where it is shown. */
  readonly unknown: readonly ListedMessage[]
}

const DAY_MS = 86_400_000
const WINDOW = { retentionMs: 396 * DAY_MS, aheadMs: 600_000 }
const KNOWN_SHARE = 0.7
/** Of the messages that are refused for their size alone: each is 1 MiB. */
const HUGE_SHARE = 1 / 250

/** Messages of a run: about half of them sound or half good, the rest broken in every way that we could think of. */
export function createMessageLists(seed: number, nowMs: number) {
  const random = createRandom(seed, 'malformed')
  const makers = createKnownFaults(random, nowMs)
  const known = Object.entries(makers).filter(([kind]) => kind !== 'huge')
  const unknown = Object.entries(createUnknownFaults(random, nowMs))
  const { huge } = makers
  const costly = [...costlyPayloads(1)].map(([kind, payload]) => listUnknown(kind, payload))

  function makeKnown(): ListedMessage {
    if (huge !== undefined && random.share() < HUGE_SHARE) return listKnown('huge', huge())
    const [kind, make] = pickFrom(random, known)
    return listKnown(kind, make())
  }

  function makeUnknown(): ListedMessage {
    const [kind, make] = pickFrom(random, unknown)
    return listUnknown(kind, make())
  }

  function listKnown(kind: string, { payload, faults, good }: Draft): ListedMessage {
    const found = receive(ANYBODY, payload, nowMs, WINDOW).faults.map(({ reason, pointer }) => [reason, pointer])
    return {
      kind,
      payload,
      faults,
      good,
      goodCount: good.length,
      isFoundAsMade: JSON.stringify(found) === JSON.stringify(faults),
    }
  }

  function listUnknown(kind: string, payload: Buffer): ListedMessage {
    const { faults, accepted } = receive(ANYBODY, payload, nowMs, WINDOW)
    const places = faults.map(({ reason, pointer }) => [reason, pointer] as const)
    return { kind, payload, faults: places, good: [], goodCount: accepted, isFoundAsMade: true }
  }

  /** @param costly  One of each costly payload is put in between, evenly. */
  return (count: number): MessageLists => {
    const knownCount = Math.round(count * KNOWN_SHARE)
    const rest = Array.from({ length: count - knownCount - costly.length }, makeUnknown)
    return { known: Array.from({ length: knownCount }, makeKnown), unknown: interleave(rest, costly) }
  }
}

/** Results don't depend on who sends. */
const ANYBODY: GatewayName = { tenant: 'anybody', gateway: 'any' }

function pickFrom<T>(random: Random, entries: readonly (readonly [string, T])[]): readonly [string, T] {
  const entry = entries[random.below(entries.length)]
  if (entry === undefined) throw new Error('There is nothing to pick from.')
  return entry
}

function interleave<T>(many: readonly T[], few: readonly T[]): readonly T[] {
  const every = Math.max(1, Math.floor(many.length / few.length))
  return [
    ...many.flatMap((one, index) => (index % every === 0 ? [...few.slice(index / every, index / every + 1), one] : [one])),
    ...few.slice(Math.ceil(many.length / every)),
  ]
}
