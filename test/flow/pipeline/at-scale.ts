import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Test } from 'tap'
import { openPostgresDatabase } from '../../../platform/adapters/postgres/open.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import { needsService, openInflux, openKafka, openPostgres } from '../../services.ts'

const log = createLogger({ level: 'silent', part: 'test', isPretty: false })

export const needsServers = (): false | string => needsService('kafka') || needsService('postgres') || needsService('influx')

/** What an operator would set for servers of his own: topics, database, role, buckets and tokens of this test's own, none of them made yet. */
export async function serverVariables(t: Test): Promise<Readonly<Record<string, string>>> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-secrets-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const name = randomBytes(8).toString('hex')
  return {
    ...(await postgresVariables(t, folder)),
    ...(await influxVariables(folder, name)),
    MILLRACE_KAFKA_BROKERS: (await openKafka()).brokers,
    MILLRACE_KAFKA_TOPIC_PREFIX: `${name}.`,
    MILLRACE_KAFKA_REPLICATION_FACTOR: '1',
  }
}

/** Where PostgreSQL is: as the role that Millrace works as, and as the owner of the tables. Passwords come from files. */
async function postgresVariables(t: Test, folder: string) {
  const owner = new URL((await openPostgres(t)).url)
  const role = `app_${randomBytes(6).toString('hex')}`
  const [ownerFile, roleFile] = [join(folder, 'owner'), join(folder, 'role')]
  await writeFile(ownerFile, owner.password)
  await writeFile(roleFile, `${randomBytes(12).toString('hex')}\n`)
  owner.password = ''
  const app = new URL(owner)
  app.username = role
  t.teardown(async () => {
    const password = await readFile(ownerFile, 'utf8')
    const { db, close } = openPostgresDatabase({ url: owner.href, password, poolMax: 1, log })
    await sql`drop owned by ${sql.id(role)}`.execute(db)
    await sql`drop role ${sql.id(role)}`.execute(db)
    await close()
  })
  return {
    MILLRACE_POSTGRES_URL: app.href,
    MILLRACE_POSTGRES_PASSWORD_FILE: roleFile,
    MILLRACE_POSTGRES_ADMIN_URL: owner.href,
    MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE: ownerFile,
  }
}

async function influxVariables(folder: string, name: string) {
  const { url, org, token } = await openInflux()
  const adminFile = join(folder, 'influx-admin')
  await writeFile(adminFile, token)
  return {
    MILLRACE_INFLUX_URL: url,
    MILLRACE_INFLUX_ORG: org,
    MILLRACE_INFLUX_BUCKET: name,
    MILLRACE_INFLUX_ADMIN_TOKEN_FILE: adminFile,
    MILLRACE_INFLUX_READ_TOKEN_FILE: join(folder, 'influx-read'),
    MILLRACE_INFLUX_WRITE_TOKEN_FILE: join(folder, 'influx-write'),
  }
}
