import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { freePort, run } from './run.ts'
import type { Address, ServiceName } from './services.ts'

const FILE = fileURLToPath(new URL('./docker-compose.yml', import.meta.url))
/** Toxiproxy must reach servers on this machine's loopback address, which is another one in a container. */
const COMPOSED: readonly ServiceName[] = ['kafka', 'influx', 'postgres']

export const isComposed = (name: ServiceName): boolean => COMPOSED.includes(name)

/** Whether a container engine answers, and knows `compose`. */
export async function hasEngine(): Promise<boolean> {
  try {
    await run('docker', ['info'])
    await run('docker', ['compose', 'version'])
    return true
  } catch {
    return false
  }
}

/** Starts them as containers, and waits until they are healthy. */
export async function upComposed(names: readonly ServiceName[]): Promise<ReadonlyMap<ServiceName, Address>> {
  const secret = randomBytes(24).toString('hex')
  const ports = { kafka: await freePort(), postgres: await freePort(), influx: await freePort() }
  const env = {
    KAFKA_PORT: String(ports.kafka),
    POSTGRES_PORT: String(ports.postgres),
    INFLUX_PORT: String(ports.influx),
    SERVICES_SECRET: secret,
  }
  // What an `up` that was broken off left behind keeps the secret of that time in its volumes.
  await downComposed(names)
  await compose(['up', '--detach', '--wait', ...names], env)
  const addresses: ReadonlyMap<ServiceName, Address> = new Map<ServiceName, Address>([
    ['kafka', { brokers: `127.0.0.1:${ports.kafka}` }],
    ['influx', { url: `http://127.0.0.1:${ports.influx}`, org: 'millrace', token: secret }],
    ['postgres', { url: `postgres://postgres:${secret}@127.0.0.1:${ports.postgres}/postgres` }],
  ])
  return new Map([...addresses].filter(([name]) => names.includes(name)))
}

/** Takes them away, with what they kept. */
export const downComposed = (names: readonly ServiceName[]): Promise<void> =>
  compose(['rm', '--stop', '--force', '--volumes', ...names], NOTHING_SET)

/** To take something away, Compose reads the file too, and warns of what isn't set. */
const NOTHING_SET = { KAFKA_PORT: '0', POSTGRES_PORT: '0', INFLUX_PORT: '0', SERVICES_SECRET: '-' }

const compose = (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> =>
  run('docker', ['compose', '--file', FILE, ...argv], { env })
