import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, closeSync, constants, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

export interface UserIds {
  readonly uid: number
  readonly gid: number
}

export interface RunOptions extends Partial<UserIds> {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Of the first of these users that the machine knows. */
export async function idsOf(users: readonly string[]): Promise<UserIds> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const found = users.map((user) => lines.find(([name]) => name === user)).find((line) => line !== undefined)
  if (found === undefined) throw new Error(`The machine has none of the users ${users.join(', ')}.`)
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

const TAIL_CHARACTERS = 2_000

/** Runs a program to its end. @throws with the end of what it wrote, when it fails. */
export async function run(program: string, argv: readonly string[], options: RunOptions = {}): Promise<void> {
  const child = spawn(program, [...argv], {
    ...options,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let tail = ''
  const keep = (chunk: Buffer): void => {
    tail = `${tail}${chunk}`.slice(-TAIL_CHARACTERS)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ${argv[0] ?? ''} ended with ${code}:\n${tail}`)
}

/** Servers live in `sbin`, which is not on everybody's PATH. */
export function findProgram(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

export interface Server {
  readonly child: ChildProcess
  /** Asks it to end, then makes it. */
  stop(): Promise<void>
}

const STOP_TIMEOUT_MS = 10_000

/** Starts a server that writes into a file, and outlives us unless it is stopped. */
export function startServer(
  program: string,
  argv: readonly string[],
  options: RunOptions & { readonly logFile: string; readonly stopSignal?: NodeJS.Signals },
): Server {
  const { logFile, env, stopSignal, ...rest } = options
  const log = openSync(logFile, 'a')
  const child = spawn(program, [...argv], {
    ...rest,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  child.unref()
  return { child, stop: () => (child.pid === undefined ? Promise.resolve() : stopProcess(child.pid, stopSignal)) }
}

export interface RestartableServer extends Server {
  /** The same server anew, after it ended or was killed: same folder, same port. */
  startAgain(): Promise<void>
}

export async function startRestartable(
  launch: () => Server,
  ready: (server: Server) => Promise<void>,
): Promise<RestartableServer> {
  let server = launch()
  await ready(server)
  return {
    get child() {
      return server.child
    },
    stop: () => server.stop(),
    async startAgain() {
      server = launch()
      await ready(server)
    },
  }
}

/** Ends a process that need not be our child. */
export async function stopProcess(pid: number, stopSignal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  signal(pid, stopSignal)
  const deadline = Date.now() + STOP_TIMEOUT_MS
  while (isRunning(pid)) {
    if (Date.now() > deadline) signal(pid, 'SIGKILL')
    await setTimeout(50)
  }
}

export function isRunning(pid: number): boolean {
  return signal(pid, 0)
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

/** Below the ports that systems give to outgoing connections: one of those could take the port of a server while it is down. */
const PORTS = { from: 15_000, below: 32_000 }
const PORT_ATTEMPTS_MAX = 100

/** A port of the loopback address that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS_MAX; attempt++) {
    const port = randomInt(PORTS.from, PORTS.below)
    if (await isFree(port)) return port
  }
  throw new Error(`None of ${PORT_ATTEMPTS_MAX} ports between ${PORTS.from} and ${PORTS.below} is free.`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

const READY_ASK_EVERY_MS = 100

/** @throws with the server's log named, when it ends or doesn't answer in time. */
export async function untilReady(
  server: Server,
  logFile: string,
  timeoutMs: number,
  isReady: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await isReady().catch(() => false))) {
    const { exitCode, signalCode } = server.child
    if (exitCode !== null || signalCode !== null)
      throw new Error(`The server ended with ${exitCode ?? signalCode}: see ${logFile}.\n${await tailOf(logFile)}`)
    if (Date.now() > deadline) {
      await server.stop()
      throw new Error(`The server did not answer within ${timeoutMs / 1000} s: see ${logFile}.`)
    }
    await setTimeout(READY_ASK_EVERY_MS)
  }
}

async function tailOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.slice(-TAIL_CHARACTERS)
}
