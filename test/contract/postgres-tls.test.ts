// Goal: PostgreSQL on another machine is spoken to by TLS, after it has proven its name, or not at all; and whoever is turned down is told what to do.
// Method: a real server of this test's own, with a certificate made by openssl; a relay on another address, which the certificate doesn't name.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { readUpSettings } from '../../operate/up/settings.ts'
import { openPostgresDatabase, openPostgresMetadata } from '../../platform/adapters/postgres/open.ts'
import type { PostgresOptions } from '../../platform/adapters/postgres/pool.ts'
import { startPostgres } from '../../scripts/services/postgres.ts'
import { runCli } from '../flow/cli/program.ts'
import { createReadableLog } from '../flow/listener/log-lines.ts'
import { needs } from '../programs.ts'
import { needsService, openPostgres } from '../services.ts'
import { certificatesFor } from './tls/certificates.ts'

t.setTimeout(120_000)
const OTHER_ADDRESS = '127.0.0.2'
const AWAY = 'metadata.unavailable'

async function startSecure(t: Test) {
  const certificates = await certificatesFor(t, 'DNS:localhost,IP:127.0.0.1')
  const folder = await mkdtemp(join(tmpdir(), 'millrace-postgres-tls-'))
  const server = await startPostgres(folder, certificates)
  t.teardown(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return { ...certificates, url: server.url }
}

/** Passes on what comes, as somebody in between would. */
async function relay(t: Test, port: number): Promise<number> {
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port })
    for (const socket of [near, far]) socket.on('error', () => undefined)
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, OTHER_ADDRESS, resolve))
  t.teardown(() => server.close())
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function at(url: string, change: Partial<Pick<URL, 'hostname' | 'port' | 'password' | 'pathname'>>): string {
  return Object.assign(new URL(url), change).href
}

async function open(t: Test, url: string, tls?: PostgresOptions['tls']) {
  const { log } = createReadableLog()
  const metadata = await openPostgresMetadata({ url, poolMax: 2, log, ...(tls && { tls }) })
  t.teardown(metadata.close)
  return metadata
}

t.test('PostgreSQL with TLS', { skip: needsService('postgres') || needs('openssl') }, async (t) => {
  const { url, caPem, caFile } = await startSecure(t)
  const other = await certificatesFor(t, 'DNS:localhost')

  for (const hostname of ['localhost', '127.0.0.1'])
    t.test(`is spoken to by TLS 1.3 as ${hostname}, which stands in its certificate`, async (t) => {
      const { log } = createReadableLog()
      const { db, close } = openPostgresDatabase({ url: at(url, { hostname }), tls: { caPem }, poolMax: 1, log })
      t.teardown(close)
      const found = sql<{ version: string }>`select version from pg_stat_ssl where pid = pg_backend_pid()`
      t.same((await found.execute(db)).rows, [{ version: 'TLSv1.3' }])
      t.ok(await open(t, at(url, { hostname }), { caPem }))
    })

  t.test('is refused as another host than its certificate says', async (t) => {
    const port = String(await relay(t, Number(new URL(url).port)))
    const elsewhere = at(url, { hostname: OTHER_ADDRESS, port })
    await t.rejects(open(t, elsewhere, { caPem }), {
      code: AWAY,
      message: /127\.0\.0\.2 is not in the cert.*Write in MILLRACE_POSTGRES_URL a name that stands in it/s,
    })
    t.ok(await open(t, elsewhere), 'only for its name: the way is open')
  })

  t.test('is refused when another root has signed it, even one of the same name', (t) =>
    t.rejects(open(t, url, { caPem: other.caPem }), {
      code: AWAY,
      message: /none of the roots in the file of MILLRACE_POSTGRES_CA_FILE.*Put the one that did/,
    }),
  )

  t.test('is refused when none of the roots of the system has signed it', (t) =>
    t.rejects(open(t, url, {}), { code: AWAY, message: /MILLRACE_POSTGRES_CA_FILE, or, where that is not set, of this system/ }),
  )

  t.test('the command line says so, and ends as for a server that is away', async (t) => {
    const bare = new URL(url)
    const passwordFile = join(other.folder, 'password')
    await writeFile(passwordFile, bare.password)
    bare.password = ''
    const tenants = (file: string) =>
      runCli(t.testdir(), ['tenants', 'list'], {
        MILLRACE_POSTGRES_URL: bare.href,
        MILLRACE_POSTGRES_PASSWORD_FILE: passwordFile,
        MILLRACE_POSTGRES_CA_FILE: file,
      })
    t.match(await tenants(caFile), { exitCode: 0 })
    t.match(await tenants(other.caFile), {
      exitCode: 69,
      stderr: /Put the one that did sign it into that file/,
    })
  })
})

t.test('PostgreSQL that turns a connection down', { skip: needsService('postgres') }, async (t) => {
  const { url } = await openPostgres(t)
  const expected = {
    'without TLS of its own': [() => open(t, url, {}), /Turn it on there.*MILLRACE_POSTGRES_TLS=off/],
    'because of the password': [
      () => open(t, at(url, { password: 'wrong' })),
      /Put the right password of postgres into its file/,
    ],
    'because of the database': [() => open(t, at(url, { pathname: '/absent' })), /no database absent. Make it with createdb/],
    'because nobody listens': [() => open(t, at(url, { port: '9' })), /PostgreSQL can not be reached: .*ECONNREFUSED/],
  } as const
  for (const [why, [opening, message]] of Object.entries(expected)) await t.rejects(opening(), { code: AWAY, message }, why)
})

t.test('what the variables say', { skip: needs('openssl') }, async (t) => {
  const { caFile, caPem, keyFile } = await certificatesFor(t, 'DNS:localhost')
  const tlsOf = (host: string, more: Readonly<Record<string, string>> = {}) =>
    readUpSettings({ MILLRACE_POSTGRES_URL: `postgres://me@${host}/data`, ...more }).postgres?.connection.tls
  t.equal(tlsOf('localhost:5432'), undefined, 'nobody listens in on the loopback address')
  t.equal(tlsOf('[::1]:5432'), undefined)
  t.same(tlsOf('db.example.com'), {}, 'to another machine it is TLS, by the roots of the system')
  t.equal(tlsOf('db.example.com', { MILLRACE_POSTGRES_TLS: 'off' }), undefined, 'unless somebody says so')
  t.same(tlsOf('localhost', { MILLRACE_POSTGRES_TLS: 'verify-full' }), {})
  t.same(tlsOf('localhost', { MILLRACE_POSTGRES_CA_FILE: caFile }), { caPem })
  const both = { MILLRACE_POSTGRES_TLS: 'off', MILLRACE_POSTGRES_CA_FILE: caFile }
  t.throws(() => tlsOf('localhost', both), { code: 'config.invalid', message: /Leave one of them out/ })
  t.throws(() => tlsOf('h', { MILLRACE_POSTGRES_URL: 'postgres://me@h/data?sslmode=disable' }), { code: 'config.invalid' })
  // An empty one would stand for all roots of the system.
  for (const file of ['/dev/null', keyFile])
    t.throws(() => tlsOf('h', { MILLRACE_POSTGRES_CA_FILE: file }), {
      code: 'config.invalid',
      message: /holds no root certificates/,
    })
})
