import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { findProgram } from '../../../scripts/services/run.ts'
import { needsMount, openSmallDisk } from '../harness/small-disk.ts'

/** The disk of a server: it can be full, and it can be slow. */
export interface Disk {
  fill(): void
  free(): void
  remove(): void
}

const SIZE_MIB = 1_024

/** @returns undefined where none can be mounted; the server's files lie on the machine's own disk then. */
export function openDisk(folder: string): Disk | undefined {
  return needsMount(folder) === false ? openSmallDisk(folder, SIZE_MIB) : undefined
}

const US_PER_MS = 1_000
const ATTACH_MS = 300

/** Whether a disk can be made slow here. */
export const canSlowDisks = (): boolean => findProgram('strace') !== undefined

/**
 * Every flush of a process, and of its children, takes so much longer: as on a disk that is busy with something else.
 *
 * @returns what ends it.
 */
export async function slowDisk(pid: number, delayMs: number): Promise<() => Promise<void>> {
  const pids = [pid, ...childrenOf(pid)]
  const calls = 'fsync,fdatasync'
  const argv = [
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${calls}:delay_enter=${delayMs * US_PER_MS}`,
  ]
  const tracer = spawn('strace', [...argv, ...pids.flatMap((one) => ['-p', String(one)])], { stdio: 'ignore' })
  const ended = once(tracer, 'exit')
  await setTimeout(ATTACH_MS)
  if (tracer.exitCode !== null) throw new Error(`strace ended with ${tracer.exitCode}.`)
  return async () => {
    tracer.kill('SIGTERM')
    await ended
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
  } catch {
    // It has none.
    return []
  }
}
