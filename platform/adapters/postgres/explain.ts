import pg from 'pg'
import { MillraceError } from '../../runtime/errors.ts'
import { adviseOnTls } from '../../runtime/tls-advice.ts'

/** As whom a connection was tried, without the password. */
export interface Attempt {
  readonly user: string
  readonly database: string
}

/** What PostgreSQL says when it turns a connection down: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const REFUSED: Readonly<Record<string, (attempt: Attempt) => string>> = {
  '28P01': ({ user }) =>
    `Put the right password of ${user} into its file, or let millrace doctor --fix make the role with that one.`,
  '28000': ({ user }) =>
    `The server lets ${user} in from nowhere, or not from here and like this. Look at pg_hba.conf, or make the role: millrace doctor --fix.`,
  '3D000': ({ database }) => `There is no database ${database}. Make it with createdb, then run millrace doctor --fix.`,
  '53300': () => 'It has no connection left. Lower MILLRACE_POSTGRES_POOL_MAX of each process, or raise max_connections there.',
}
const NO_TLS = /does not support SSL/

/** The one place where a connection that can't be made becomes ours. */
export function explainConnection(cause: unknown, attempt: Attempt): MillraceError {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
  const advice = adviceFor(cause, attempt)
  const message = `PostgreSQL can not be reached: ${reason.replace(/\.$/, '')}.${advice === undefined ? '' : ` ${advice}`}`
  return new MillraceError('metadata.unavailable', message, { cause })
}

function adviceFor(cause: unknown, attempt: Attempt): string | undefined {
  if (cause instanceof pg.DatabaseError) return REFUSED[cause.code ?? '']?.(attempt)
  if (cause instanceof Error && NO_TLS.test(cause.message))
    return 'Turn it on there (ssl = on, with a certificate), or, where nobody can listen in, set MILLRACE_POSTGRES_TLS=off.'
  return adviseOnTls(cause, { server: 'PostgreSQL', roots: 'MILLRACE_POSTGRES_CA_FILE', address: 'MILLRACE_POSTGRES_URL' })
}
