import { setTimeout } from 'node:timers/promises'
import { MillraceError } from '../../runtime/errors.ts'
import { adviseOnTls } from '../../runtime/tls-advice.ts'

/** What a group's coordinator says to a member that isn't one any more, or not of this generation. */
const NOT_OWNER: ReadonlySet<string> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
  'NOT_COORDINATOR_FOR_GROUP',
])

const START_BROKERS = 'Start the brokers that are down.'
/** By what a broker says, or the name of an error of kafkajs. */
const ADVICE: Readonly<Record<string, string>> = {
  NOT_ENOUGH_REPLICAS: `Fewer copies are in sync than min.insync.replicas of the topic asks for. ${START_BROKERS}`,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: `Fewer copies are in sync than min.insync.replicas of the topic asks for. ${START_BROKERS}`,
  REQUEST_TIMED_OUT: `The other copies did not confirm in time. ${START_BROKERS}`,
  LEADER_NOT_AVAILABLE: `A partition has no leader. ${START_BROKERS}`,
  KafkaJSRequestTimeoutError: `A broker holds its connections open and says nothing. See whether it hangs, or too few of them are up.`,
  KafkaJSConnectionError: 'See whether all brokers are up, and MILLRACE_KAFKA_BROKERS names them.',
}
const TLS_PLACES = { server: 'Kafka', roots: 'MILLRACE_KAFKA_CA_FILE', address: 'MILLRACE_KAFKA_BROKERS' }

/** The one place where an error of kafkajs becomes ours. */
export function asUnavailable(cause: unknown): MillraceError {
  if (cause instanceof MillraceError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const advice = adviseOnTls(cause, TLS_PLACES) ?? adviceFor(cause)
  const message = `Kafka does not answer as it should: ${reason}${advice === undefined ? '' : `. ${advice}`}`
  return new MillraceError('event-log.unavailable', message, { cause })
}

/** kafkajs wraps an error when it has given up trying. */
function adviceFor(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const type = 'type' in error && typeof error.type === 'string' ? error.type : error.name
  return ADVICE[type] ?? adviceFor(error.cause)
}

/** kafkajs tries 5 times for 6 s; what hasn't settled by then never will: now and then it forgets a call, connecting most of all (tulios/kafkajs#918). */
const CALL_TIMEOUT_MS = 45_000

/** @throws {MillraceError} `event-log.unavailable`, also when the call doesn't settle. */
export async function guarded<T>(work: () => Promise<T>, timeoutMs = CALL_TIMEOUT_MS): Promise<T> {
  const settled = new AbortController()
  const forgotten = setTimeout(timeoutMs, undefined, { signal: settled.signal }).then(() => {
    throw new Error(`no answer within ${timeoutMs / 1_000} s`)
  })
  try {
    return await Promise.race([work(), forgotten])
  } catch (cause) {
    throw asUnavailable(cause)
  } finally {
    forgotten.catch(() => undefined)
    settled.abort()
  }
}

/** kafkajs wraps errors when it has given up trying. */
export function saysNotOwner(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  if ('type' in error && typeof error.type === 'string' && NOT_OWNER.has(error.type)) return true
  return 'cause' in error && saysNotOwner(error.cause)
}
