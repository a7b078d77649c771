import { readFile } from 'node:fs/promises'

/** Linux counts CPU time in hundredths of a second, USER_HZ. */
const TICKS_PER_SECOND = 100

/** CPU-seconds of all threads of a process since its start. */
export async function cpuSecondsOf(pid: number | undefined): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

export type Processes = Readonly<Record<string, number | undefined>>

/** By the names of the processes. */
export async function cpuOfAll(processes: Processes): Promise<Readonly<Record<string, number>>> {
  const all = await Promise.all(Object.entries(processes).map(async ([name, pid]) => [name, await cpuSecondsOf(pid)] as const))
  return Object.fromEntries(all)
}
