import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fix } from '../../../operate/up/fix.ts'
import type { Role } from '../../../operate/up/roles.ts'
import { freePort } from '../../../scripts/services/run.ts'
import { operationsOn } from '../harness/enrol.ts'
import { UNWATCHED } from '../harness/product.ts'
import type { ServerName, Servers } from './servers.ts'

const LAUNCHER = fileURLToPath(new URL('../../../operate/millrace.js', import.meta.url))
const STDERR_CHARACTERS_MAX = 16_384
const READY_MS_MAX = 60_000
const AGAIN_AFTER_MS = 300
const PAGE_KIB = 4
/** A service is away. */
const EXIT_AWAY = 69

/** One of our processes, kept running: it is started again whenever it ends, as an init system would. */
export interface Member {
  readonly name: string
  readonly role: Role
  kill(signal: NodeJS.Signals): void
  /** The next life ends at this crash point. */
  crashNext(point: string): void
  isReady(): boolean
  rssMiB(): number
  pid(): number | undefined
  stderr(): string
  /** How often it ended, how often by SIGKILL, and how often by itself. */
  counts(): { readonly ends: number; readonly kills: number; readonly crashes: number }
  /** Ends it for good. @returns its exit code; null when it had to be killed. */
  stop(): Promise<number | null>
  /** Kills it for good. */
  killForGood(): Promise<void>
}

export interface Cluster {
  readonly members: readonly Member[]
  readonly dataFolder: string
  readonly apiUrl: string
  readonly caPem: string
  readonly ingestPorts: readonly number[]
  readonly environment: Readonly<Record<string, string>>
  stop(): Promise<readonly (number | null)[]>
}

/** What a cluster needs to know of its servers. */
export type ClusterServers = Pick<Servers, 'influx' | 'postgres'> & {
  readonly wires: Readonly<Record<ServerName, { readonly port: number }>>
}

/** Two listeners, two processors (or as many as wanted) and one API. */
export async function startCluster(
  folder: string,
  servers: ClusterServers,
  { listeners, processors } = { listeners: 2, processors: 2 },
): Promise<Cluster> {
  const environment = await prepare(folder, servers)
  const serveFolder = join(folder, 'serve')
  const httpPort = await freePort()
  const members = [
    startMember('serve', 'serve', { ...environment, MILLRACE_DATA_DIR: serveFolder, MILLRACE_HTTP_PORT: String(httpPort) }),
  ]
  await untilReady(members)
  const operations = await operationsOn(serveFolder)
  const listener = await operations.call('listeners.certify', { names: ['localhost', '127.0.0.1'] })
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') }
  await writeFile(files.cert, listener.certificatePem)
  await writeFile(files.key, listener.privateKeyPem, { mode: 0o600 })
  await writeFile(files.ca, listener.caPem)
  const ingestPorts: number[] = []
  while (ingestPorts.length < listeners) ingestPorts.push(await freePort())
  for (const [index, port] of ingestPorts.entries()) {
    members.push(
      startMember(`ingest-${index}`, 'ingest', {
        ...environment,
        MILLRACE_DATA_DIR: join(folder, `ingest-${index}`),
        MILLRACE_MQTT_PORT: String(port),
        MILLRACE_MQTT_CERT_FILE: files.cert,
        MILLRACE_MQTT_KEY_FILE: files.key,
        MILLRACE_MQTT_CLIENT_CA_FILE: files.ca,
      }),
    )
  }
  for (let index = 0; index < processors; index++)
    members.push(
      startMember(`process-${index}`, 'process', { ...environment, MILLRACE_DATA_DIR: join(folder, `process-${index}`) }),
    )
  await untilReady(members)
  return {
    members,
    dataFolder: serveFolder,
    apiUrl: `http://127.0.0.1:${httpPort}`,
    caPem: listener.caPem,
    ingestPorts,
    environment,
    stop: () => Promise.all(members.toReversed().map((member) => member.stop())),
  }
}

/** Topics, tables, buckets and tokens, as an operator makes them: directly, not through the wires. */
async function prepare(folder: string, { influx, postgres, wires }: ClusterServers) {
  await mkdir(folder, { recursive: true })
  const secret = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const owner = new URL(postgres.url)
  const password = decodeURIComponent(owner.password)
  owner.password = ''
  const app = new URL(owner)
  app.username = 'millrace_app'
  const through = (url: URL): string => {
    const wired = new URL(url)
    wired.port = String(wires.postgres.port)
    return wired.href
  }
  const common = {
    MILLRACE_KAFKA_BROKERS: `127.0.0.1:${wires.kafka.port}`,
    MILLRACE_KAFKA_REPLICATION_FACTOR: '1',
    MILLRACE_POSTGRES_PASSWORD_FILE: await secret('app', 'app-password'),
    MILLRACE_INFLUX_ORG: influx.org,
    MILLRACE_INFLUX_READ_TOKEN_FILE: join(folder, 'influx-read'),
    MILLRACE_INFLUX_WRITE_TOKEN_FILE: join(folder, 'influx-write'),
  }

  const findings = await fix({
    ...common,
    MILLRACE_POSTGRES_URL: app.href,
    MILLRACE_POSTGRES_ADMIN_URL: owner.href,
    MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE: await secret('owner', password),
    MILLRACE_INFLUX_URL: influx.url,
    MILLRACE_INFLUX_ADMIN_TOKEN_FILE: await secret('influx-admin', influx.token),
  })
  const bad = findings.find(({ state }) => state !== 'ok')
  if (bad !== undefined) throw new Error(`${bad.name}: ${bad.found}. ${bad.advice}`)
  return {
    ...common,
    MILLRACE_POSTGRES_URL: through(app),
    MILLRACE_INFLUX_URL: `http://127.0.0.1:${wires.influx.port}`,
    MILLRACE_MQTT_HOST: '127.0.0.1',
    MILLRACE_METRICS_PORT: '0',
    MILLRACE_LOG_LEVEL: 'warn',
    MILLRACE_HTTP_TOKEN_REQUESTS_PER_MINUTE: '1000000',
    MILLRACE_HTTP_LIST_PAGE_MAX: '500',
    ...UNWATCHED,
  }
}

export async function untilReady(members: readonly Member[]): Promise<void> {
  const deadlineMs = performance.now() + READY_MS_MAX
  while (!members.every((member) => member.isReady())) {
    if (performance.now() > deadlineMs) {
      const late = members.filter((member) => !member.isReady())
      throw new Error(`Not ready in time: ${late.map(({ name, stderr }) => `${name}\n${stderr()}`).join('\n')}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function startMember(name: string, role: Role, environment: Readonly<Record<string, string>>): Member {
  let isReady = false
  let isStopping = false
  let errors = ''
  let point: string | undefined
  const count = { ends: 0, kills: 0, crashes: 0 }
  const ended = Promise.withResolvers<number | null>()
  let child = launch()

  function launch() {
    isReady = false
    const crash: Record<string, string> = point === undefined ? {} : { MILLRACE_CRASH_AT: point }
    point = undefined
    const started = spawn(process.execPath, [LAUNCHER, role, '--json'], {
      env: { ...process.env, ...environment, ...crash },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('\n')) isReady = true
    })
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = `${errors}${text}`.slice(-STDERR_CHARACTERS_MAX)
    })
    started.once('exit', (exitCode, signal) => {
      const wasReady = isReady
      isReady = false
      count.ends++
      if (signal === 'SIGKILL') count.kills++
      // A server that is away at the start is a reason to end: it is tried again. SIGKILL is ours, or that of a crash point; no other signal is.
      const isOurs = signal === 'SIGKILL' || (exitCode === EXIT_AWAY && !wasReady)
      if (!isOurs && !isStopping) count.crashes++
      setTimeout(() => {
        if (isStopping) ended.resolve(exitCode)
        else child = launch()
      }, AGAIN_AFTER_MS)
    })
    return started
  }

  return {
    name,
    role,
    kill(signal) {
      if (signal === 'SIGKILL') isReady = false
      child.kill(signal)
    },
    crashNext(next) {
      point = next
    },
    isReady: () => isReady,
    rssMiB: () => rssMiB(child.pid),
    pid: () => child.pid,
    stderr: () => errors,
    counts: () => ({ ...count }),
    async killForGood() {
      isStopping = true
      child.kill('SIGKILL')
      await ended.promise
    },
    async stop() {
      isStopping = true
      // One that stands still would never end.
      child.kill('SIGCONT')
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      return ended.promise
    },
  }
}

function rssMiB(pid: number | undefined): number {
  try {
    const [, pages = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
    return (Number(pages) * PAGE_KIB) / 1_024
  } catch {
    return 0
  }
}
