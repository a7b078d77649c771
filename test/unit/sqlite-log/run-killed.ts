import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('./killed-writer.ts', import.meta.url))

export const startProgram = (folder: string, from: number, holds: 'log' | 'lock' = 'log') =>
  spawn(process.execPath, [PROGRAM, folder, String(from), holds], { stdio: ['ignore', 'pipe', 'inherit'] })

export async function kill(child: ChildProcess): Promise<void> {
  const ended = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** Writes until it has confirmed `count` values, and is killed at once. @returns the values that it confirmed. */
export async function writeUntilKilled(folder: string, from: number, count: number): Promise<ReadonlySet<number>> {
  const child = startProgram(folder, from)
  const ended = once(child, 'exit')
  const confirmed = new Set<number>()
  for await (const line of createInterface(child.stdout)) {
    confirmed.add(Number(line))
    if (confirmed.size === count) child.kill('SIGKILL')
  }
  await ended
  return confirmed
}
