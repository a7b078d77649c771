import { MillraceError } from '../../../runtime/errors.ts'
import { sqliteErrorKind } from '../database.ts'

/** https://sqlite.org/rescode.html */
const SQLITE_BUSY = 5
const SQLITE_FULL = 13
/** A full disk, met while the index of the write-ahead log was made larger. */
const SQLITE_IOERR_SHMSIZE = 4_874

/**
 * Runs what writes. A full disk heals by itself, so does a person's tool that holds the file, and nothing was acknowledged. Any other failure
 * to write may be a lost flush, after which success proves nothing ("fsyncgate"): the process must stop, and read back at its next
 * start what really is on the disk.
 *
 * @param onLostWrite  Told of such a failure, before it is thrown on.
 */
export function createWriteGuard(isOpen: () => boolean, onLostWrite: () => void): <T>(work: () => T) => T {
  return (work) => {
    if (!isOpen()) throw new MillraceError('event-log.unavailable', 'The event log is closed.')
    try {
      return work()
    } catch (error) {
      if (isLostWrite(error)) onLostWrite()
      throw error
    }
  }
}

function isLostWrite(error: unknown): boolean {
  const kind = sqliteErrorKind(error)
  if (kind === undefined || kind === SQLITE_BUSY || kind === SQLITE_FULL) return false
  return !(error instanceof Error && 'errcode' in error && error.errcode === SQLITE_IOERR_SHMSIZE)
}
