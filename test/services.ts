import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import root, { type Test } from 'tap'
import { type Address, givenAddress, missing, type ServiceName, serviceOf } from '../scripts/services/services.ts'
import { runningServices } from '../scripts/services/state.ts'

/**
 * For the option `skip` of a test that needs a server: `{ skip: needsService('kafka') }`.
 *
 * @returns false when the server can be had here, otherwise the reason to skip.
 * @throws {Error} when it can't, although `REQUIRE_SERVICES=1` says that it must.
 */
export function needsService(name: ServiceName): false | string {
  if (givenAddress(name) !== undefined || runningServices().some((service) => service.name === name)) return false
  const reason = missing(name)
  if (reason === undefined) return false
  if (process.env.REQUIRE_SERVICES === '1') throw new Error(`${name} is required here. ${reason}`)
  return `${name}: ${reason}`
}

/** Kafka's brokers, `host:port` with commas. Every test makes topics of its own. */
export async function openKafka(): Promise<{ readonly brokers: string }> {
  const { brokers = '' } = await open('kafka')
  return { brokers }
}

/** InfluxDB with a token that may do everything. Every test makes a bucket of its own. */
export async function openInflux(): Promise<{ readonly url: string; readonly org: string; readonly token: string }> {
  const { url = '', org = '', token = '' } = await open('influx')
  return { url, org, token }
}

/** The superuser's URL of a database that is new and empty, and dropped after the test. */
export async function openPostgres(t: Test): Promise<{ readonly url: string }> {
  const { url = '' } = await open('postgres')
  const name = `test_${randomBytes(6).toString('hex')}`
  await query(url, `CREATE DATABASE ${name}`)
  t.teardown(() => query(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
  const own = new URL(url)
  own.pathname = `/${name}`
  return { url: own.href }
}

export async function openToxiproxy(): Promise<{ readonly url: string }> {
  const { url = '' } = await open('toxiproxy')
  return { url }
}

const own = new Map<ServiceName, Promise<Address>>()

/** From the environment, or left running by `npm run services -- up`, or started for this test file alone and stopped at its end. */
async function open(name: ServiceName): Promise<Address> {
  const shared = givenAddress(name) ?? runningServices().find((service) => service.name === name)?.address
  if (shared !== undefined) return shared
  const starting = own.get(name) ?? startOwn(name)
  own.set(name, starting)
  return starting
}

async function startOwn(name: ServiceName): Promise<Address> {
  const folder = await mkdtemp(join(tmpdir(), `millrace-test-${name}-`))
  const server = await serviceOf(name).start(folder)
  root.teardown(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return server.address
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
