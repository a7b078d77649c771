import { MillraceError } from '../../platform/runtime/errors.ts'

export interface PlatformaticOptions {
  readonly brokers: readonly string[]
  readonly topicPrefix: string
  /** By name, with how many partitions each has. */
  readonly topics: ReadonlyMap<string, number>
  readonly lingerMs: number
}

const CLIENT_ID = 'candidate'

export const baseOf = ({ brokers }: Pick<PlatformaticOptions, 'brokers'>) => ({
  clientId: CLIENT_ID,
  bootstrapBrokers: [...brokers],
  autocreateTopics: false,
})

export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof MillraceError || cause instanceof TypeError) throw cause
    throw new MillraceError('event-log.unavailable', cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** It takes no spaces in the name of a group, which Kafka does. */
export const groupIdOf = (prefix: string, group: string): string => encodeURIComponent(prefix + group)
