import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { at } from '../read-deploy.ts'
import type { Container } from './read-service.ts'

const LAUNCHER = at('operate/millrace.js')
const HEALTH_CHECK = at('deploy/healthcheck.ts')
const HEALTHY_MS_MAX = 60_000
const ASK_EVERY_MS = 250
const STDERR_CHARACTERS_MAX = 16_384

export interface Ended {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Node needs the PATH, and nothing else of ours. */
const environmentOf = ({ environment }: Container) => ({ PATH: process.env.PATH, ...environment })

/** What Compose calls a one-shot, or one that ends by itself because something is wrong. */
export async function runContainer(container: Container): Promise<Ended> {
  const child = await launch(container)
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { exitCode, stdout, stderr }
}

export interface RunningContainer {
  readonly container: Container
  stop(): Promise<void>
}

/** Resolves once its health check, the one of the image, says that it is well. @throws with what it wrote, when it ends before. */
export async function startContainer(container: Container): Promise<RunningContainer> {
  const child = await launch(container)
  let stderr = ''
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = `${stderr}${chunk}`.slice(-STDERR_CHARACTERS_MAX)
  })
  const exited = once(child, 'exit')
  const deadlineMs = performance.now() + HEALTHY_MS_MAX
  while (!(await isHealthy(container))) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null
    if (!hasEnded && performance.now() < deadlineMs) {
      await setTimeout(ASK_EVERY_MS)
      continue
    }
    child.kill('SIGKILL')
    throw new Error(`${container.name} is not healthy, ${hasEnded ? `it ended with ${child.exitCode}` : 'in time'}: ${stderr}`)
  }
  return {
    container,
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function launch(container: Container) {
  for (const folder of container.folders) await mkdir(folder, { recursive: true, mode: 0o700 })
  return spawn(process.execPath, [LAUNCHER, ...container.argv], {
    env: environmentOf(container),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function isHealthy(container: Container): Promise<boolean> {
  const child = spawn(process.execPath, [HEALTH_CHECK], { env: environmentOf(container), stdio: 'ignore' })
  const [exitCode] = await once(child, 'exit')
  return exitCode === 0
}
