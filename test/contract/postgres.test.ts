// Goal: on PostgreSQL a tenant's rows are behind a second fence, we work with few rights, and a server that goes away and comes back is borne.
// Method: a real server; the role that Millrace works as, made by `ensurePostgres`, looks underneath the port.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RawBuilder, sql } from 'kysely'
import t, { type Test } from 'tap'
import { ensurePostgres } from '../../platform/adapters/postgres/ensure.ts'
import { openPool, openPostgresDatabase, openPostgresMetadata } from '../../platform/adapters/postgres/open.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { startPostgres } from '../../scripts/services/postgres.ts'
import { createReadableLog } from '../flow/listener/log-lines.ts'
import { needsService, openPostgres } from '../services.ts'
import { certificate, T0, tenant } from './metadata/implementations.ts'

/** A server of its own takes some seconds to start, and one test stops one. */
const TEST_TIMEOUT_MS = 120_000
t.setTimeout(TEST_TIMEOUT_MS)
const skip = needsService('postgres')
const TABLES = ['tenant', 'gateway', 'certificate', 'presence', 'token', 'sensor'] as const

/** A database that `doctor --fix` has prepared, and the role that works in it. */
async function openPrepared(t: Test) {
  const { log, lines } = createReadableLog()
  const { url } = await openPostgres(t)
  const owner = { url, poolMax: 2, log }
  const role = { name: `app_${randomBytes(6).toString('hex')}`, password: `p'${randomBytes(8).toString('hex')}` }
  const report = await ensurePostgres(owner, role)
  const own = new URL(url)
  own.username = role.name
  own.password = ''
  t.teardown(async () => {
    const { db, close } = openPostgresDatabase(owner)
    await sql`drop owned by ${sql.id(role.name)}`.execute(db)
    await sql`drop role ${sql.id(role.name)}`.execute(db)
    await close()
  })
  return { owner, role, report, app: { url: own.href, password: role.password, poolMax: 4, log }, lines }
}

async function fill({ app }: Awaited<ReturnType<typeof openPrepared>>) {
  const metadata = await openPostgresMetadata(app)
  for (const id of ['acme', 'bolt']) {
    await metadata.addTenant(tenant(id))
    await metadata.enrolGateway({ tenant: id, id: 'gw-1', enrolledMs: T0, certificate: certificate(`${id}-1`) })
    await metadata.recordSensors([{ tenant: id, id: 'press-1', gateway: 'gw-1', firstSeenMs: T0 }])
    await metadata.recordPresence([{ tenant: id, gateway: 'gw-1', listener: 'one', isConnected: true, sinceMs: T0 }])
    const token = { id: `${id}-token`, tenant: id, scopes: ['read' as const], label: '', createdMs: T0, expiresMs: T0 + 1 }
    await metadata.addToken(token, randomBytes(32).toString('hex'))
  }
  return metadata
}

t.test('row-level security', { skip }, async (t) => {
  const prepared = await openPrepared(t)
  const metadata = await fill(prepared)
  t.teardown(metadata.close)
  const { db, close } = openPool(prepared.app, '')
  t.teardown(close)
  const seen = async (table: (typeof TABLES)[number], as?: string) =>
    db.transaction().execute(async (transaction) => {
      if (as !== undefined) await sql`select set_config('millrace.tenant', ${as}, true)`.execute(transaction)
      return (await sql`select * from ${sql.table(table)}`.execute(transaction)).rows.length
    })
  for (const table of TABLES) {
    t.equal(await seen(table), 0, `${table}: who asks for nobody sees nothing`)
    t.equal(await seen(table, 'acme'), 1, `${table}: a question without WHERE sees its own tenant's rows`)
    t.equal(await seen(table, 'acm%'), 0, `${table}: a name is a name and no pattern`)
    t.equal(await seen(table, '*'), 2, `${table}: the few that are asked for everybody see all`)
  }
  t.equal(await seen('sensor'), 0, 'what was set for one question does not stay for the next')
  await t.rejects(
    db.transaction().execute(async (transaction) => {
      await sql`select set_config('millrace.tenant', 'acme', true)`.execute(transaction)
      await sql`insert into sensor values ('bolt', 'planted', 'gw-1', 1)`.execute(transaction)
    }),
    /row-level security/,
    'nor can one write for another',
  )
  t.same(await metadata.sensor(proveTenant('acme'), 'press-1'), {
    tenant: 'acme',
    id: 'press-1',
    gateway: 'gw-1',
    firstSeenMs: T0,
  })
})

t.test('the owner itself is not made a role of few rights', { skip }, async (t) => {
  const { owner } = await openPrepared(t)
  const name = decodeURIComponent(new URL(owner.url).username)
  await t.rejects(ensurePostgres(owner, { name, password: 'other' }), { code: 'config.invalid', message: /the same role/ })
  const { db, close } = openPostgresDatabase(owner)
  t.teardown(close)
  const mighty = sql<{ rolsuper: boolean }>`select rolsuper from pg_roles where rolname = current_user`
  t.same((await mighty.execute(db)).rows, [{ rolsuper: true }], 'and keeps its own')
})

t.test('the role that Millrace works as', { skip }, async (t) => {
  const prepared = await openPrepared(t)
  t.equal(prepared.report.isRoleNew, true)
  t.equal((await ensurePostgres(prepared.owner, prepared.role)).isRoleNew, false, 'is made once')
  const metadata = await fill(prepared)
  t.teardown(metadata.close)
  t.equal((await metadata.tenants()).length, 2, 'can do its work')
  const { db, close } = openPostgresDatabase(prepared.app)
  t.teardown(close)
  const forbidden: readonly RawBuilder<unknown>[] = [
    sql`delete from token`,
    sql`drop table token`,
    sql`alter table token disable row level security`,
    sql`create table mine (id int)`,
    sql`truncate sensor`,
    sql`update kysely_migration set name = 'x'`,
    sql`create role another`,
    sql`set row_security = off; select * from token`,
  ]
  for (const statement of forbidden)
    t.ok(
      await statement.execute(db).then(
        () => false,
        () => true,
      ),
      `may not: ${statement.compile(db).sql}`,
    )
})

t.test('several processes that start at once bring an empty database up to date together', { skip }, async (t) => {
  const { url } = await openPostgres(t)
  const { log } = createReadableLog()
  const opened = await Promise.all(Array.from({ length: 6 }, () => openPostgresMetadata({ url, poolMax: 2, log })))
  await opened[0]?.addTenant(tenant('acme'))
  t.same(await Promise.all(opened.map(async (one) => (await one.tenants()).length)), [1, 1, 1, 1, 1, 1])
  await Promise.all(opened.map((one) => one.close()))
})

t.test('ids sort by their bytes, whatever the language of the database', { skip }, async (t) => {
  const { url } = await openPostgres(t)
  const { log } = createReadableLog()
  const { db, close } = openPostgresDatabase({ url, poolMax: 1, log })
  const name = `icu_${randomBytes(6).toString('hex')}`
  await sql.raw(`create database ${name} template template0 locale_provider icu icu_locale 'en-US'`).execute(db)
  const there = new URL(url)
  there.pathname = `/${name}`
  const metadata = await openPostgresMetadata({ url: there.href, poolMax: 2, log })
  t.teardown(async () => {
    await metadata.close()
    await sql.raw(`drop database ${name}`).execute(db)
    await close()
  })
  const ids = ['a', 'ab', 'a-b', 'b', 'a1', 'a-1']
  for (const id of ids) await metadata.addTenant(tenant(id))
  t.same(
    (await metadata.tenants()).map(({ id }) => id),
    ids.toSorted(),
  )
})

t.test('connections that are cut are made anew', { skip }, async (t) => {
  const { owner, app } = await openPrepared(t)
  const metadata = await openPostgresMetadata(app)
  t.teardown(metadata.close)
  await metadata.addTenant(tenant('acme'))
  const { db, close } = openPostgresDatabase(owner)
  t.teardown(close)
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
    db,
  )
  // Each connection of the pool that has died, and doesn't know yet, may cost one question.
  const tries: (number | string)[] = []
  while (typeof tries.at(-1) !== 'number' && tries.length <= app.poolMax)
    tries.push(
      await metadata.tenants().then(
        (found) => found.length,
        (error: Error & { code?: string }) => error.code ?? error.message,
      ),
    )
  t.equal(tries.at(-1), 1)
  t.ok(
    tries.slice(0, -1).every((outcome) => outcome === 'metadata.unavailable'),
    `after ${tries.length} tries`,
  )
})

t.test('a server that is away', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-postgres-'))
  const server = await startPostgres(folder)
  t.teardown(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const { log, lines } = createReadableLog()
  const password = new URL(server.url).password
  const metadata = await openPostgresMetadata({ url: server.url, poolMax: 2, log })
  t.teardown(metadata.close)
  await server.stop()
  const error = await metadata.tenants().then(
    () => undefined,
    (found: Error) => found,
  )
  t.match(error, { code: 'metadata.unavailable' }, 'is told as such')
  t.notOk(`${error?.message} ${error?.stack} ${JSON.stringify(lines)}`.includes(password), 'without the password')
  await t.rejects(openPostgresMetadata({ url: server.url, poolMax: 2, log }), { code: 'metadata.unavailable' })
  await t.rejects(openPostgresMetadata({ url: `http://u:${password}@h/d`, poolMax: 2, log }), {
    code: 'config.invalid',
    message: /^(?!.*http)/,
  })
})
