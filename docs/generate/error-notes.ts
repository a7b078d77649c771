import type { ErrorCode } from '../../platform/runtime/errors.ts'
import type { ProblemKind } from '../../schemas/api/problem.ts'

type NotedCodes = Readonly<Record<Exclude<ErrorCode, ProblemKind>, string>> & Readonly<Partial<Record<ErrorCode, string>>>

/** What each error of the program means and what to do, for the page of errors. Those that the API answers with say it in schemas/api/problem.ts. */
export const ERROR_NOTES = {
  'config.invalid':
    'A variable or flag is wrong. The message lists every one that is; `docs/reference/configuration.md` says what is allowed.',
  'data-folder.locked':
    'Another Millrace works in this data folder; the message names its process. Stop that one, or give this one another `MILLRACE_DATA_DIR`. The lock goes with its process, however that ends.',
  'data-folder.unusable':
    'The data folder can not be made or written to: a missing right, a full or read-only disk, or a file where the folder should be. The message says which.',
  'store.not-durable':
    'The file system or the build of SQLite refuses the write-ahead log or `synchronous=FULL`, so an acknowledgement could not be kept. Put the data folder on a local disk.',
  'store.newer': 'A newer Millrace wrote the store, and this one can not read it. Start the newer one, or restore a backup.',
  'store.damaged':
    'A store in the data folder is no database any more, or bytes in it have changed on the disk. Nothing damaged is served or skipped. `millrace doctor` examines the files; restore the one that is named from a backup, and have the disk checked.',
  'certificate-authority.unusable':
    'The certificate authority in the data folder is damaged, or half of it is missing. Restore `ca.pem` and `ca-key.pem` from the backup: a new authority would lock every gateway out.',
  'listener.unavailable':
    'The address or port can not be listened on: it is taken, or needs a right. `millrace doctor` says by whom; or choose another port.',
  'event-log.unavailable':
    'The event log can not be written or read: the disk is full or failing, or its thread ended. Nothing is acknowledged until it is back. Look at the disk with `millrace doctor`.',
  'event-log.not-owner':
    'A partition was given to another consumer of the group. Nothing is to be done: the records are read again there, and every write is idempotent.',
  'event-log.offset-gone': 'The record asked for has left the event log with its retention.',
  'time-series.unavailable':
    'The time series store can not be written or read, or has too many reads waiting. Writing is repeated until it is back; a read may be repeated after a moment.',
  'metadata.unavailable':
    'The store of tenants, gateways and tokens does not answer. Gateways that connect meanwhile are turned away and try again.',
  'admin.unavailable':
    'A running Millrace was found but does not answer on its admin socket. Look at its log; if it hangs, stop it and start it again.',
  'usage.invalid': 'The command was not understood. The message says what was expected; `--help` shows examples.',
  'data.invalid':
    'What was given to the command can not be used: a name that breaks the grammar, a request that is none, a time that is none.',
  'tenant.unknown': 'There is no such tenant. List them with `millrace tenants list`, or add it with `millrace tenants add`.',
  'tenant.exists': 'There is such a tenant already. Ids are never given out twice; choose another.',
  'gateway.unknown': 'The tenant has no such gateway. List them with `millrace gateways list --tenant`.',
  'gateway.exists':
    'The tenant has such a gateway already. To give it a new certificate, use `millrace gateways rotate`; to enrol it anew, revoke it first.',
  'gateway.revoked': 'The gateway was revoked and has no valid certificate. Enrol it anew with `millrace gateways enrol`.',
  'token.unknown': 'There is no token with this id. List them with `millrace tokens list`.',
} as const satisfies NotedCodes
