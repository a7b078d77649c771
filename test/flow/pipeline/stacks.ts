import type { Test } from 'tap'
import { fix } from '../../../operate/up/fix.ts'
import type { Environment } from '../../../platform/runtime/read-config.ts'
import { needsServers, serverVariables } from './at-scale.ts'

/** What the product can stand on. */
export interface Stack {
  readonly name: string
  readonly skip: string | false
  /** Whether its time-series store says which values it had already. */
  readonly tellsNewValues: boolean
  /** Everything that is needed is made. */
  environmentOf(t: Test): Promise<Environment>
}

export const STACKS: readonly Stack[] = [
  { name: 'SQLite', skip: false, tellsNewValues: true, environmentOf: async () => ({}) },
  {
    name: 'Kafka, PostgreSQL and InfluxDB',
    skip: needsServers(),
    tellsNewValues: false,
    async environmentOf(t) {
      const environment = await serverVariables(t)
      await fix(environment)
      return environment
    },
  },
]
