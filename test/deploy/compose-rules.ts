import { type Fields, fieldsOf, isFields, listOf, textOf } from './read-deploy.ts'

/** What docker-compose.yml must hold to, service by service. */
export interface ComposeRule {
  readonly name: string
  /** @returns what is wrong, a sentence each. */
  check(file: Fields): readonly string[]
}

const HARDENED = 'every service is read-only, without capabilities and without new privileges'
/** The only one that hands files over to other users. */
const MAY_ADD: Readonly<Record<string, readonly string[]>> = { certificates: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'] }
const PUBLIC_PORTS: ReadonlySet<string> = new Set(['8883:8883', '8443:8443'])

export const composeRules: readonly ComposeRule[] = [
  perService('every image is pinned', ({ image, build }) => {
    const text = textOf(image)
    // What is built here is pinned by what it is built from.
    if (build !== undefined) return /:\d+\.\d+\.\d+$/.test(text) ? [] : [`${text} names no version`]
    return /:[^@/]*\d+\.\d+[^@/]*@sha256:[0-9a-f]{64}$/.test(text) ? [] : [`${text} has no version or no whole digest`]
  }),
  perService('every service that goes on running has a health check, and every other is waited for', (service, name, file) => {
    const { test, disable } = fieldsOf(service.healthcheck)
    if (service.restart === 'no') return isWaitedFor(file, name) ? [] : ['nobody waits for its end, so `up --wait` fails']
    const isOwn = service.build !== undefined && service.healthcheck === undefined
    return disable !== true && (test !== undefined || isOwn) ? [] : ['no health check']
  }),
  perService('every service has limits', ({ deploy }) => {
    const limits = fieldsOf(fieldsOf(fieldsOf(deploy).resources).limits)
    return ['cpus', 'memory', 'pids'].filter((key) => limits[key] === undefined).map((key) => `no limit of ${key}`)
  }),
  perService(HARDENED, (service, name) => [
    ...(service.read_only === true ? [] : ['read_only is not true']),
    ...(listOf(service.cap_drop).includes('ALL') ? [] : ['cap_drop lacks ALL']),
    ...(listOf(service.security_opt).includes('no-new-privileges:true') ? [] : ['no-new-privileges is not set']),
    ...(service.privileged === undefined ? [] : ['privileged']),
    ...listOf(service.cap_add)
      .map(textOf)
      .filter((capability) => !(MAY_ADD[name] ?? []).includes(capability))
      .map((capability) => `cap_add ${capability}`),
  ]),
  perService('every service runs as a user that is no root', ({ user }, name) =>
    name === 'certificates' || /^[1-9]\d*:\d+$/.test(textOf(user)) ? [] : [`user is ${textOf(user) || 'not set'}`],
  ),
  perService('ports are published on the loopback address, but for MQTT and HTTPS', ({ ports }) =>
    listOf(ports)
      .map(textOf)
      .filter((port) => !port.startsWith('127.0.0.1:') && !PUBLIC_PORTS.has(port))
      .map((port) => `${port} is open to all`),
  ),
  perService('what is started waits until what it needs is healthy or done', ({ depends_on: needs }) =>
    isFields(needs)
      ? Object.entries(needs)
          .filter(([, need]) => !/^service_(healthy|completed_successfully)$/.test(textOf(fieldsOf(need).condition)))
          .map(([other]) => `it does not wait for ${other}`)
      : listOf(needs).map((other) => `it does not wait for ${textOf(other)}`),
  ),
  perService('no secret stands in the environment', ({ environment }) =>
    Object.entries(fieldsOf(environment))
      .filter(([key, value]) => isSecret(key, textOf(value)))
      .map(([key]) => `${key} holds a secret: name a file under /run/secrets`),
  ),
  perService('no service sees the engine or the machine', ({ volumes, network_mode: network, pid }) => [
    ...listOf(volumes)
      .map(textOf)
      .filter((volume) => /docker\.sock|^\/(?!certificates)/.test(volume))
      .map((volume) => `${volume} is mounted`),
    ...(network === undefined || network === 'none' ? [] : [`network_mode ${textOf(network)}`]),
    ...(pid === undefined ? [] : [`pid ${textOf(pid)}`]),
  ]),
  { name: 'every secret comes from a file that is not in the repository', check: checkSecretFiles },
]

type Judge = (service: Fields, name: string, file: Fields) => readonly string[]

function perService(name: string, judge: Judge): ComposeRule {
  return {
    name,
    check: (file) =>
      Object.entries(fieldsOf(file.services)).flatMap(([service, fields]) =>
        judge(fieldsOf(fields), service, file).map((what) => `${service}: ${what}`),
      ),
  }
}

function isWaitedFor(file: Fields, name: string): boolean {
  return Object.values(fieldsOf(file.services)).some((service) => {
    const need = fieldsOf(fieldsOf(fieldsOf(service).depends_on)[name])
    return need.condition === 'service_completed_successfully'
  })
}

function isSecret(key: string, value: string): boolean {
  if (/:\/\/[^/@\s]*:[^/@\s]*@/.test(value)) return true
  return /PASSWORD|SECRET|TOKEN|(?<!SSL_|CERT_)KEY$/.test(key) && !/FILE$/.test(key) && !value.startsWith('/')
}

function checkSecretFiles(file: Fields): readonly string[] {
  return Object.entries(fieldsOf(file.secrets))
    .filter(([, secret]) => !textOf(fieldsOf(secret).file).startsWith('./deploy/secrets/'))
    .map(([name]) => `${name} does not come from deploy/secrets/, which git ignores`)
}
