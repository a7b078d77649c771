import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '../../runtime/errors.ts'
import { sqliteErrorKind } from './database.ts'

/** https://sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5

export interface FolderLock {
  release(): void
}

/**
 * Takes a data folder for this process, and makes the folder (mode 0700) where there is none.
 *
 * The lock is SQLite's own write lock on an empty file, so the kernel lets go of it however the process ends; `kill -9` included.
 *
 * @throws {MillraceError} `data-folder.locked` when another process has it, `data-folder.unusable` when it can't be made or written to.
 */
export function lockFolder(folder: string): FolderLock {
  const database = openLockFile(folder)
  const ownerFile = join(folder, 'lock.pid')
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;')
    writeFileSync(ownerFile, String(process.pid), { mode: 0o600 })
  } catch (cause) {
    database.close()
    throw sqliteErrorKind(cause) === SQLITE_BUSY ? lockedBy(folder, readOwner(ownerFile), cause) : unusable(folder, cause)
  }
  return {
    release() {
      if (database.isOpen) database.close()
    },
  }
}

function openLockFile(folder: string): DatabaseSync {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
  } catch (cause) {
    throw unusable(folder, cause)
  }
}

function lockedBy(folder: string, owner: string, cause: unknown): MillraceError {
  return new MillraceError(
    'data-folder.locked',
    `The data folder ${folder} is in use by another Millrace (process ${owner}). Stop it, or set MILLRACE_DATA_DIR to another folder.`,
    { cause },
  )
}

function unusable(folder: string, cause: unknown): MillraceError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new MillraceError(
    'data-folder.unusable',
    `The data folder ${folder} can not be used: ${why}. Mend that, or set MILLRACE_DATA_DIR to another folder.`,
    { cause },
  )
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return 'unknown'
  }
}
