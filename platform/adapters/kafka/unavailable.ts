import { MillraceError } from '../../runtime/errors.ts'

/** What a group's coordinator says to a member that isn't one any more, or not of this generation. */
const NOT_OWNER: ReadonlySet<string> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
  'NOT_COORDINATOR_FOR_GROUP',
])

/** The one place where an error of kafkajs becomes ours. */
export function asUnavailable(cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MillraceError('event-log.unavailable', `Kafka does not answer as it should: ${reason}`, { cause })
}

export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw asUnavailable(cause)
  }
}

export const notOwner = (): MillraceError =>
  new MillraceError(
    'event-log.not-owner',
    'The partitions were dealt out anew; what was read is read again by who owns them now.',
  )

/** kafkajs wraps errors when it has given up trying. */
export function isNotOwner(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  if ('type' in error && typeof error.type === 'string' && NOT_OWNER.has(error.type)) return true
  return 'cause' in error && isNotOwner(error.cause)
}
