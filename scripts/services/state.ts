import { readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './cache.ts'
import { isRunning } from './run.ts'
import { type Address, isServiceName, type ServiceName } from './services.ts'

/** A server that `services up` has left running. */
export interface RunningService {
  readonly name: ServiceName
  /** Absent for a container: whether that runs, only its engine knows. */
  readonly pid?: number
  /** Holds its data and its log; of a container, nothing. */
  readonly folder?: string
  readonly address: Address
}

const file = (): string => join(cacheFolder(), 'running.json')

/** Those that still run. A file that can't be read counts for none. */
export function runningServices(): readonly RunningService[] {
  return parseState(readIfThere()).filter(({ pid }) => pid === undefined || isRunning(pid))
}

export function parseState(text: string): readonly RunningService[] {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list.filter(isEntry) : []
  } catch {
    return []
  }
}

function isEntry(entry: unknown): entry is RunningService {
  if (typeof entry !== 'object' || entry === null) return false
  if (!('name' in entry && 'address' in entry)) return false
  const { name, address } = entry
  const isNamed = typeof name === 'string' && isServiceName(name)
  const isOurs = 'pid' in entry && 'folder' in entry && typeof entry.pid === 'number' && typeof entry.folder === 'string'
  const isContainer = !('pid' in entry || 'folder' in entry)
  return isNamed && (isOurs || isContainer) && typeof address === 'object' && address !== null
}

export async function saveState(services: readonly RunningService[]): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true })
  const unfinished = `${file()}.${process.pid}`
  // It holds the tokens of servers that only this machine can reach, and that are thrown away.
  await writeFile(unfinished, `${JSON.stringify(services, undefined, 2)}\n`, { mode: 0o600 })
  await rename(unfinished, file())
}

function readIfThere(): string {
  try {
    return readFileSync(file(), 'utf8')
  } catch {
    return ''
  }
}
