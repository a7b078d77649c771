import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { asSize, MIB } from '../output/amounts.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const NODE_MAJOR = 24
const AVAILABLE_BYTES_FAIL = 128 * MIB
const AVAILABLE_BYTES_WARN = 512 * MIB
/** What the stores, threads and listeners need beside the connections. */
const FILES_OF_OUR_OWN = 256
/** While gateways reconnect, old connections linger beside the new ones. */
const FILES_A_GATEWAY = 2
const FILES_COMFORT = 4_096

export function checkNodeVersion(version: string): Finding {
  const major = Number(version.split('.')[0])
  if (major === NODE_MAJOR) return ok('Node.js', version)
  const advice = `Millrace is made for Node.js ${NODE_MAJOR}, which npm ci brings along: start it with npx millrace.`
  return major < NODE_MAJOR ? fail('Node.js', version, advice) : warn('Node.js', version, advice)
}

export interface MemoryState {
  /** What this process could still get, container limits included. */
  readonly availableBytes: number
  readonly totalBytes: number
}

export function checkMemory({ availableBytes, totalBytes }: MemoryState): Finding {
  const found = `${asSize(availableBytes)} available of ${asSize(totalBytes)}`
  if (availableBytes < AVAILABLE_BYTES_FAIL)
    return fail('memory', found, 'Free some memory: the kernel may kill Millrace under load.')
  if (availableBytes < AVAILABLE_BYTES_WARN) return warn('memory', found, 'Plan 512 MiB for Millrace with 1,000 gateways.')
  return ok('memory', found)
}

export const readMemory = (): MemoryState => {
  const limit = process.constrainedMemory()
  const totalBytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  return { availableBytes: Math.min(process.availableMemory(), totalBytes), totalBytes: totalBytes }
}

/** @param limit  The most files this process may have open; undefined when the system doesn't say. */
export function checkOpenFiles(limit: number | undefined, gateways: number): Finding {
  if (limit === undefined) return ok('open files', 'no limit known')
  const needed = FILES_OF_OUR_OWN + gateways * FILES_A_GATEWAY
  const room = Math.max(0, Math.floor((limit - FILES_OF_OUR_OWN) / FILES_A_GATEWAY))
  const found = `${limit === Infinity ? 'unlimited' : limit.toLocaleString('en')}, room for ${room === Infinity ? 'any number of' : room.toLocaleString('en')} gateways`
  const advice = 'Raise the limit: ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit.'
  if (limit < needed) return fail('open files', `${found}; ${gateways.toLocaleString('en')} are enrolled`, advice)
  return limit < FILES_COMFORT ? warn('open files', found, advice) : ok('open files', found)
}

/** Node raises its soft limit to the hard one when it starts, so what is read here is what Millrace would have. */
export async function readOpenFilesLimit(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1]
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Infinity : Number(soft)
}
