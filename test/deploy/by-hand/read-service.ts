import { join } from 'node:path'
import { type Fields, fieldsOf, listOf, textOf } from '../read-deploy.ts'

/** Where things lie, and who listens where, on this machine instead of in containers. */
export interface Machine {
  /** A folder for each volume. */
  readonly volumes: string
  /** What docker-compose.yml calls `deploy/secrets`. */
  readonly secrets: string
  /** A folder for what lives as long as a process does. */
  readonly scratch: string
  /** `host:port` of the network in the file, by the same here. */
  readonly hosts: Readonly<Record<string, string>>
}

/** One container of a service, as it would be started. */
export interface Container {
  readonly name: string
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** What is mounted as a folder; the image has made them. */
  readonly folders: readonly string[]
  /** A path of the container, here. One that nothing is mounted on leads nowhere. */
  place(path: string): string
}

const SECRETS = '/run/secrets/'
/** What the Dockerfile sets. */
const IMAGE = { NODE_ENV: 'production', MILLRACE_DATA_DIR: '/var/lib/millrace' }

/**
 * Reads a service of docker-compose.yml for this machine: paths go through its mounts and secrets, names of hosts to servers that are here.
 * Nothing else is changed, and nothing of our own environment comes along.
 */
export function readService(file: Fields, service: string, machine: Machine, replica = 1): Container {
  const fields = fieldsOf(fieldsOf(file.services)[service])
  const name = `${service}-${replica}`
  const mounts = mountsOf(file, fields, machine, name)
  const place = (path: string): string => {
    const found = mounts.find(({ target }) => path === target || path.startsWith(`${target}/`))
    return found === undefined ? join('/nothing-is-mounted', path) : join(found.source, path.slice(found.target.length))
  }
  const localize = (text: string): string => {
    const value = substitute(text)
    if (value.startsWith('/')) return place(value)
    return Object.entries(machine.hosts).reduce((local, [there, here]) => local.replace(there, here), value)
  }
  const environment = { ...IMAGE, ...fieldsOf(fields.environment) }
  return {
    name,
    argv: words(fields.command).map(localize),
    environment: Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, localize(textOf(value))])),
    folders: mounts.filter(({ target }) => !target.startsWith(SECRETS)).map(({ source }) => source),
    place,
  }
}

export const replicasOf = (file: Fields, service: string): number =>
  Number(textOf(fieldsOf(fieldsOf(fieldsOf(file.services)[service]).deploy).replicas) || 1)

/** A command that is one text is cut at its spaces; none of ours has quotes. */
const words = (command: unknown): readonly string[] =>
  typeof command === 'string' ? substitute(command).split(/\s+/) : listOf(command).map(textOf)

/** What Compose does with `${NAME:-default}`, where nothing is set. */
const substitute = (text: string): string => text.replace(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1')

interface Mount {
  readonly target: string
  readonly source: string
}

function mountsOf(file: Fields, service: Fields, { volumes, secrets, scratch }: Machine, name: string): readonly Mount[] {
  const mounted = listOf(service.volumes)
    .map(textOf)
    .map((volume) => {
      const [source = '', target = ''] = volume.split(':')
      return { target, source: join(volumes, source) }
    })
  const passing = listOf(service.tmpfs)
    .map(textOf)
    .map((entry) => {
      const [target = ''] = entry.split(':')
      return { target, source: join(scratch, name, target) }
    })
  const secret = listOf(service.secrets)
    .map(textOf)
    .map((one) => {
      const path = textOf(fieldsOf(fieldsOf(file.secrets)[one]).file)
      return { target: `${SECRETS}${one}`, source: path.replace('./deploy/secrets', secrets) }
    })
  return [...secret, ...mounted, ...passing]
}
