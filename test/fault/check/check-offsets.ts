import type { Violation } from './violation.ts'

/** How far a consumer group has committed a partition, and how far the partition goes. */
export interface CommittedOffset {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly committed: number
  readonly end: number
}

/** Takes the offsets as they lie on the disk after each death: they never go back, and never lie behind the end of the log. */
export function createOffsetsCheck() {
  const newest = new Map<string, CommittedOffset>()
  const violations: Violation[] = []

  return {
    see(offsets: readonly CommittedOffset[], when: string): void {
      const note = (detail: string): void => {
        violations.push({ kind: 'offset-back', where: when, detail })
      }
      const present = new Set<string>()
      for (const offset of offsets) {
        const name = `${offset.group} ${offset.topic}/${offset.partition}`
        const before = newest.get(name)
        present.add(name)
        if (before !== undefined && offset.committed < before.committed)
          note(`${name} went back from ${before.committed} to ${offset.committed}.`)
        if (before !== undefined && offset.end < before.end)
          note(`${name}: the log ended at ${before.end}, now at ${offset.end}.`)
        if (offset.committed > offset.end)
          note(`${name} is committed up to ${offset.committed}, but the log ends at ${offset.end}.`)
        newest.set(name, offset)
      }
      for (const name of newest.keys()) if (!present.has(name)) note(`${name} is gone.`)
    },
    finish: (): readonly Violation[] => violations,
  }
}
