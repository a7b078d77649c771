import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const LAUNCHER = fileURLToPath(new URL('../../../operate/millrace.js', import.meta.url))
/** The end of standard error that is kept, to say why a start failed. */
const STDERR_CHARACTERS_MAX = 16_384

/** Where time counts, tap doesn't measure the product's coverage; of a process that is killed it would learn nothing anyway. */
export const UNWATCHED = { _TAPJS_PROCESSINFO_COVERAGE_: '0' } as const

export interface ProductOptions {
  readonly folder: string
  /** 0 takes a free one. */
  readonly mqttPort: number
  readonly httpPort: number
  /** A program and its arguments in front of Node, e.g. strace's. */
  readonly wrapper?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

export interface Started {
  readonly mqttPort: number
  readonly apiUrl: string
  readonly metricsUrl: string
}

export interface Ended {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

/** The product, as `npx millrace up --no-demo --json` starts it, in a process of its own. */
export interface Product {
  readonly child: ChildProcess
  /** Resolves with undefined when the process ended before it was ready. */
  readonly ready: Promise<Started | undefined>
  readonly exited: Promise<Ended>
  /** The last that it wrote to standard error. */
  stderr(): string
}

export function startProduct({ folder, mqttPort, httpPort, wrapper = [], environment = {} }: ProductOptions): Product {
  const [command = '', ...rest] = [...wrapper, process.execPath, LAUNCHER, 'up', '--no-demo', '--json']
  const child = spawn(command, rest, {
    env: {
      ...process.env,
      MILLRACE_DATA_DIR: folder,
      MILLRACE_MQTT_HOST: '127.0.0.1',
      MILLRACE_MQTT_PORT: String(mqttPort),
      MILLRACE_HTTP_PORT: String(httpPort),
      MILLRACE_METRICS_PORT: '0',
      MILLRACE_LOG_LEVEL: 'warn',
      // The checker asks as fast as it can.
      MILLRACE_HTTP_TOKEN_REQUESTS_PER_MINUTE: '1000000',
      MILLRACE_HTTP_LIST_PAGE_MAX: '500',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<Ended>((resolve, reject) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }))
    child.once('error', reject)
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = `${errors}${text}`.slice(-STDERR_CHARACTERS_MAX)
  })
  return { child, exited, ready: readyOf(child, exited), stderr: () => errors }
}

function readyOf(child: ChildProcess, exited: Promise<Ended>): Promise<Started | undefined> {
  let text = ''
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (!text.includes('\n')) return
      const started: Started = JSON.parse(text)
      resolve(started)
    })
    exited.then(() => resolve(undefined), reject)
  })
}

/** Waits until a product is ready. @throws {Error} with what it wrote when it ended first. */
export async function whenReady(product: Product): Promise<Started> {
  const started = await product.ready
  if (started !== undefined) return started
  const { exitCode, signal } = await product.exited
  throw new Error(`The product ended with ${exitCode ?? signal} before it was ready:\n${product.stderr()}`)
}

/** Asks a product to stop, and waits until it has. */
export async function stopProduct({ child, exited }: Product): Promise<Ended> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
  return exited
}

/** Ends whatever is left of a product, also under a wrapper: strace, killed, would leave it running. */
export async function killProduct({ child, exited }: Product, folder: string): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const owner = await readFile(join(folder, 'lock.pid'), 'utf8').catch(() => '')
  if (child.spawnfile !== process.execPath && owner !== '') process.kill(Number(owner), 'SIGKILL')
  else child.kill('SIGKILL')
  await exited
}
