import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const STORE_SUFFIX = '.sqlite'
/** The first faults say enough, and a broken file may have millions. */
const FAULTS_MAX = 5

export interface CheckedStore {
  readonly file: string
  readonly sizeBytes: number
  /** False when the file was larger than `bytesMax`: then it was only opened. */
  readonly isWhole: boolean
  /** What is damaged; absent when nothing was found. */
  readonly problem?: string
}

/**
 * Runs SQLite's quick check on every store file of a folder, read-only. Costs about a second a GiB.
 *
 * Synchronous inside: only for a process that serves nothing, such as a command.
 */
export async function checkStores(folder: string, bytesMax: number): Promise<readonly CheckedStore[]> {
  return filesIn(folder).map((file) => checkStore(folder, file, bytesMax))
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(STORE_SUFFIX))
  } catch {
    return []
  }
}

function checkStore(folder: string, file: string, bytesMax: number): CheckedStore {
  const path = join(folder, file)
  const sizeBytes = statSync(path).size
  const isWhole = sizeBytes <= bytesMax
  const problem = findDamage(path, isWhole)
  return problem === undefined ? { file, sizeBytes, isWhole } : { file, sizeBytes, isWhole, problem }
}

function findDamage(path: string, isWhole: boolean): string | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { readOnly: true })
    if (!isWhole) {
      database.prepare('PRAGMA schema_version').get()
      return undefined
    }
    const faults = database.prepare(`PRAGMA quick_check(${FAULTS_MAX})`).all()
    const texts = faults.map(({ quick_check: fault }) => String(fault))
    return texts.length === 1 && texts[0] === 'ok' ? undefined : texts.join('; ')
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    database?.close()
  }
}
