import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MillraceError } from '../../runtime/errors.ts'

export interface FolderLock {
  release(): void
}

/**
 * Takes a data folder for this process, and makes the folder (mode 0700) where there is none.
 *
 * The lock is SQLite's own write lock on an empty file, so the kernel lets go of it however the process ends; `kill -9` included.
 *
 * @throws {MillraceError} `data-folder.locked` when another process has it.
 */
export function lockFolder(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const database = new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
  const ownerFile = join(folder, 'lock.pid')
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;')
  } catch (cause) {
    database.close()
    throw new MillraceError(
      'data-folder.locked',
      `The data folder ${folder} is in use by another Millrace (process ${readOwner(ownerFile)}). Stop it, or set MILLRACE_DATA_DIR to another folder.`,
      { cause },
    )
  }
  writeFileSync(ownerFile, String(process.pid), { mode: 0o600 })
  return {
    release() {
      database.close()
    },
  }
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return 'unknown'
  }
}
