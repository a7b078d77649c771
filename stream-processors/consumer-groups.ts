import type { GroupPlan } from '../platform/ports/event-log.ts'
import { MAIN_CELL } from '../schemas/influx-cells.ts'
import { READINGS_TOPIC, REJECTED_TOPIC } from '../schemas/topics.ts'

/** What stores readings, and what indexes the rejected ones; and what each of them reads. */
export const TOPICS = { store: READINGS_TOPIC, rejections: REJECTED_TOPIC } as const
export type Processor = keyof typeof TOPICS
export const PROCESSORS: readonly Processor[] = ['store', 'rejections']

/** The consumer group of a processor of one cell. These are names on disk: never change them. */
export const consumerGroup = (processor: Processor, cell: string = MAIN_CELL): string =>
  cell === MAIN_CELL ? `millrace.${processor}` : `millrace.${processor}.${cell}`

/**
 * All groups that there are. The group of a cell where nobody lives yet begins where another cell's group is: that one has had every tenant
 * placed whose records it has passed, so whoever will be placed in the new cell has none before that.
 */
export function planGroups(cells: readonly string[], tenantsByCell: ReadonlyMap<string, number>): readonly GroupPlan[] {
  return cells.flatMap((cell) => {
    const others = tenantsByCell.has(cell) ? [] : cells.filter((one) => one !== cell)
    return PROCESSORS.map((processor) => ({
      group: consumerGroup(processor, cell),
      topics: [TOPICS[processor]],
      like: others.map((other) => consumerGroup(processor, other)),
    }))
  })
}
