import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Ids that a caller may give its request: safe in a log line, a header and a shell. */
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/

/** The caller's X-Request-Id, so that both sides' logs can be laid side by side; a new id where it has none that is sane. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}
