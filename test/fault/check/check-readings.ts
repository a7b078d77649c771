import type { LedgerMessage } from '../harness/ledger.ts'
import { goodReadings } from '../harness/message.ts'
import type { Violation } from './violation.ts'

/** A row as the API or the store gives it back. */
export interface SeenRow {
  readonly tenant: string
  readonly sensor: string
  readonly timestampMs: number
  readonly sequence: number | undefined
  readonly values: ReadonlyMap<string, number>
}

export interface Expectation {
  readonly key: string
  readonly sequence: number
  readonly values: ReadonlyMap<string, number>
  /** Its message was acknowledged: it must be there. Otherwise it may be. */
  readonly isOwed: boolean
}

const keyOf = (tenant: string, sensor: string, timestampMs: number): string => `${tenant}/${sensor}/${timestampMs}`

/** What the ledger says can be in the stores. Readings that were sent where they may not be are left out: wherever they appear, they are strangers. */
export function expectReadings(messages: readonly LedgerMessage[]): ReadonlyMap<string, Expectation> {
  const expected = new Map<string, Expectation>()
  for (const message of messages) {
    if (message.isForbidden) continue
    for (const { sensor, ts = 0, values } of goodReadings(message)) {
      const key = keyOf(message.tenant, sensor, ts)
      if (expected.has(key)) throw new Error(`The load made the reading ${key} twice.`)
      const isOwed = message.outcome === 'acknowledged'
      expected.set(key, { key, isOwed, sequence: message.n, values: new Map(Object.entries(values)) })
    }
  }
  return expected
}

/** Holds every row that is there against the ledger, and at the end the ledger against what was there. */
export function createReadingsCheck(where: string, expected: ReadonlyMap<string, Expectation>) {
  const seen = new Set<string>()
  const violations: Violation[] = []

  function see(row: SeenRow): void {
    const key = keyOf(row.tenant, row.sensor, row.timestampMs)
    const wanted = expected.get(key)
    const note = (kind: 'stranger' | 'doubled' | 'altered', detail: string): void => {
      violations.push({ kind, where, detail: `${key}: ${detail}` })
    }
    if (wanted === undefined) return note('stranger', `${show(row.values)} was never sent.`)
    if (seen.has(key)) return note('doubled', 'is there more than once.')
    seen.add(key)
    if (!isSame(row.values, wanted.values)) note('altered', `${show(row.values)} is there, ${show(wanted.values)} was sent.`)
    else if (row.sequence !== wanted.sequence) note('altered', `sequence ${row.sequence}, not ${wanted.sequence}.`)
  }

  function finish(): readonly Violation[] {
    for (const { key, isOwed, sequence } of expected.values()) {
      if (isOwed && !seen.has(key))
        violations.push({ kind: 'lost', where, detail: `${key} of message ${sequence} was acknowledged and is not there.` })
    }
    return violations
  }

  return { see, finish, count: () => seen.size }
}

/** Bit for bit: 0 and -0 differ. */
export function isSame(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): boolean {
  return left.size === right.size && [...left].every(([name, value]) => Object.is(value, right.get(name)))
}

function show(values: ReadonlyMap<string, number>): string {
  return [...values].map(([name, value]) => `${name}=${Object.is(value, -0) ? '-0' : value}`).join(' ')
}
