import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { until } from '../harness/until.ts'
import type { Figure, LongTurn } from './meter.ts'

const METER = fileURLToPath(new URL('./meter.ts', import.meta.url))
const GARBAGE_TIMEOUT_MS = 10_000

export interface Watched {
  readonly child: ChildProcess
  readonly metricsUrl: string
  readonly meterFile: string
}

export interface Watch {
  /** A sum over the series of a metric that have this label. */
  metric(name: string, label?: string): Promise<number>
  /** What is left after a collection of garbage. */
  heldBytes(): Promise<number>
  residentBytes(): Promise<number>
  /** All that ended since `fromMs`, epoch milliseconds, and took longer than 25 ms. */
  longTurns(fromMs: number): Promise<readonly LongTurn[]>
}

/** What makes the product write its figures to `meterFile`; it runs with the flag that `npm start` gives it. */
export const meteredBy = (meterFile: string) => ({
  NODE_OPTIONS: `--max-semi-space-size=4 --import=${METER}`,
  METER_FILE: meterFile,
})

/** Watches the product from outside, through its metrics and /proc, and from inside, through the meter. */
export function watchProduct({ child, metricsUrl, meterFile }: Watched): Watch {
  async function figures(): Promise<readonly Figure[]> {
    const text = await readFile(meterFile, 'utf8').catch(() => '')
    return text.split('\n').flatMap((line): readonly Figure[] => (line === '' ? [] : [JSON.parse(line)]))
  }

  const held = async () => (await figures()).filter((figure) => figure.kind === 'held')

  return {
    async metric(name, label = '') {
      return read(await (await fetch(metricsUrl)).text(), name, label)
    },
    async heldBytes() {
      const before = (await held()).length
      child.kill('SIGUSR2')
      return until('garbage is collected', GARBAGE_TIMEOUT_MS, async () => (await held())[before]?.bytes)
    },
    async residentBytes() {
      return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1_024
    },
    longTurns: async (fromMs) =>
      (await figures()).filter((figure) => figure.kind === 'turn').filter(({ atMs }) => atMs >= fromMs),
  }
}

function read(page: string, name: string, label: string): number {
  return page
    .split('\n')
    .filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length] ?? '') && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
