import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connectAdmin } from '../operate/admin/connect-admin.ts'
import { adminSocketPath } from '../operate/admin/socket-path.ts'
import type { Operations } from '../operate/operations/operations.ts'
import { cpuSecondsOf } from './scale/cpu.ts'

/** The product as it is started by everybody, in a process of its own: all its threads are counted. */
export interface BenchServer {
  readonly mqttPort: number
  readonly apiUrl: string
  readonly operations: Operations
  /** CPU-seconds of all threads since the start. */
  cpuSeconds(): Promise<number>
  /** Resident memory now, and the most since the start, bytes. */
  memory(): Promise<{ readonly now: number; readonly most: number }>
  /** Forgets the highest memory so far. */
  resetMemory(): Promise<void>
  /** A sum over all label values of a metric. */
  metric(name: string, labels?: string): Promise<number>
  stop(): Promise<void>
}

/** As `npm start` does. */
const SEMI_SPACE = '--max-semi-space-size=4'
/** A data folder for one run. */
export async function makeFolder(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

export async function startServer(
  folder: string,
  nodeArguments: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const main = fileURLToPath(new URL('../operate/millrace.js', import.meta.url))
  const environment = {
    ...process.env,
    MILLRACE_DATA_DIR: folder,
    MILLRACE_MQTT_HOST: '127.0.0.1',
    MILLRACE_MQTT_PORT: '0',
    MILLRACE_HTTP_PORT: '0',
    MILLRACE_METRICS_PORT: '0',
    MILLRACE_LOG_LEVEL: 'warn',
    // The latency probe asks every few milliseconds.
    MILLRACE_HTTP_TOKEN_REQUESTS_PER_MINUTE: '1000000',
    ...more,
  }
  const child = spawn(process.execPath, [SEMI_SPACE, ...nodeArguments, main, 'up', '--no-demo', '--json'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const started: { mqttPort: number; apiUrl: string; metricsUrl: string } = JSON.parse(await firstLine(child))
  const operations = await connectAdmin(adminSocketPath(folder))
  if (operations === undefined) throw new Error('The server does not answer on its admin socket.')
  const proc = `/proc/${child.pid}`

  return {
    mqttPort: started.mqttPort,
    apiUrl: started.apiUrl,
    operations,
    cpuSeconds: () => cpuSecondsOf(child.pid),
    async memory() {
      const text = await readFile(`${proc}/status`, 'utf8')
      const bytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1]) * 1024
      return { now: bytes('VmRSS'), most: bytes('VmHWM') }
    },
    async resetMemory() {
      await writeFile(`${proc}/clear_refs`, '5').catch(() => undefined)
    },
    metric: (name, labels = '') => readMetric(started.metricsUrl, name, labels),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout ?? []) {
    text += chunk
    if (text.includes('\n')) break
  }
  if (text === '') throw new Error('The server did not start.')
  return text
}

async function readMetric(url: string, name: string, labels: string): Promise<number> {
  const text = await (await fetch(url)).text()
  return text
    .split('\n')
    .filter((line) => line.startsWith(name) && (line[name.length] === ' ' || line[name.length] === '{') && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
