import { type ChildProcess, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../../operate/main.ts', import.meta.url))
const ADMIN_PROCESS = fileURLToPath(new URL('./admin-process.ts', import.meta.url))

export interface Ended {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The real command line, as a process of its own. Its standard input is empty. */
export function startCli(folder: string, argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: { ...process.env, MILLRACE_DATA_DIR: folder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = exitOf(child)
  return { child, stdout: child.stdout, stderr: child.stderr, exited }
}

export async function runCli(
  folder: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { stdout, stderr, exited } = startCli(folder, argv, environment)
  const [out, err, exitCode] = await Promise.all([text(stdout), text(stderr), exited])
  return { exitCode, stdout: out, stderr: err }
}

export interface AdminProcess {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
}

/** A process that holds the data folder and serves its admin socket, with a reading and a rejected message in its log. */
export async function startAdminProcess(folder: string): Promise<AdminProcess> {
  const child = spawn(process.execPath, [ADMIN_PROCESS, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = exitOf(child)
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', () => reject(new Error('The admin process ended before it was ready.')))
  })
  return { child, exited }
}

const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => {
    child.once('exit', (code) => resolve(code))
    child.once('error', reject)
  })
