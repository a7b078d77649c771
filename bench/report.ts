import { mkdir, writeFile } from 'node:fs/promises'
import Table from 'cli-table3'
import type { Latency } from './latency.ts'
import type { Figures, Held } from './measure.ts'
import { runFacts } from './save-result.ts'

export interface Results {
  readonly figures: readonly Figures[]
  readonly latency: readonly Latency[]
  readonly held?: Held
}

const FOLDER = new URL('./results/', import.meta.url)

/** Prints the tables, or one JSON value; `isSaved` keeps that value with machine and commit in bench/results/. */
export async function report(results: Results, { isJson, isSaved }: { isJson: boolean; isSaved: boolean }): Promise<void> {
  const full = {
    ...runFacts(),
    ...results,
  }
  process.stdout.write(isJson ? `${JSON.stringify(full)}\n` : `${tables(results)}\n`)
  if (!isSaved) return
  await mkdir(FOLDER, { recursive: true })
  await writeFile(new URL(`${full.at.slice(0, 19).replaceAll(':', '-')}.json`, FOLDER), `${JSON.stringify(full, undefined, 2)}\n`)
}

function tables({ figures, latency, held }: Results): string {
  const cost = new Table({
    head: ['connections', 'readings/msg', 'msg/s', 'msg/CPU-s', 'values/CPU-s', 'CPU-s/100k msg', 'MiB idle', 'MiB most'],
    style: { head: [], border: [] },
  })
  for (const one of figures) {
    cost.push([
      one.connections,
      one.readingsPerMessage,
      one.messagesPerSecond,
      one.messagesPerCpuSecond,
      one.valuesPerCpuSecond,
      one.cpuSecondsPer100kMessages,
      one.memoryIdleMiB,
      one.memoryMostMiB,
    ])
  }
  const times = new Table({
    head: ['connections', 'readings/msg', 'at msg/s', 'probes', 'p50 ms', 'p99 ms', 'most ms'],
    style: { head: [], border: [] },
  })
  for (const one of latency)
    times.push([one.connections, one.readingsPerMessage, one.messagesPerSecond, one.probes, one.p50Ms, one.p99Ms, one.mostMs])
  const memory = held ? `\n\n${held.connections} connections, each publishing once a second: ${held.memoryMiB} MiB.` : ''
  return `From the TLS socket to the store, all threads counted; 4 values a reading:\n${cost}\n\nFrom publish to queryable, at half of that load:\n${times}${memory}`
}
