import { readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './cache.ts'
import { isRunning } from './run.ts'
import { type Address, isServiceName, type ServiceName } from './services.ts'

/** A server that `services up` has left running. */
export interface RunningService {
  readonly name: ServiceName
  readonly pid: number
  /** Holds its data and its log. */
  readonly folder: string
  readonly address: Address
}

const file = (): string => join(cacheFolder(), 'running.json')

/** Those that still run. A file that can't be read counts for none. */
export function runningServices(): readonly RunningService[] {
  return parseState(readIfThere()).filter(({ pid }) => isRunning(pid))
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
  if (!('name' in entry && 'pid' in entry && 'folder' in entry && 'address' in entry)) return false
  const { name, pid, folder, address } = entry
  const isNamed = typeof name === 'string' && isServiceName(name)
  return isNamed && typeof pid === 'number' && typeof folder === 'string' && typeof address === 'object' && address !== null
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
