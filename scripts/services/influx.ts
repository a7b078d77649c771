import { randomBytes } from 'node:crypto'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { type Artefact, artefactFolder } from './cache.ts'
import { freePort, type RestartableServer, run, startRestartable, startServer, untilReady } from './run.ts'

const VERSION = '2.7.12'
const PKG_CONFIG_VERSION = 'v0.2.14'
const READY_TIMEOUT_MS = 60_000
const ORG = 'millrace'

/** Flux's crate pins an old compiler and denies warnings, in its build dependency as well. */
const RUSTC_WRAPPER = '#!/bin/sh\nexec "$@" --cap-lints=warn\n'

export const influxArtefact: Artefact = {
  name: 'influxd',
  version: VERSION,
  needs: { go: 'golang', cargo: 'cargo', 'pkg-config': 'pkg-config', clang: 'clang libclang-dev' },
  takes: '5 minutes',
  async build(folder) {
    const work = join(folder, 'work')
    const bin = join(work, 'bin')
    await mkdir(bin, { recursive: true })
    const wrapper = join(work, 'rustc-wrapper')
    await writeFile(wrapper, RUSTC_WRAPPER)
    await chmod(wrapper, 0o755)
    const env = {
      GOTOOLCHAIN: 'local',
      GOFLAGS: '-mod=mod',
      GOBIN: bin,
      RUSTC_WRAPPER: wrapper,
      RUSTUP_TOOLCHAIN: process.env.RUSTUP_TOOLCHAIN ?? 'stable',
      PATH: `${bin}:${process.env.PATH}`,
    }
    const go = (...argv: readonly string[]) => run('go', argv, { cwd: work, env })
    await go('mod', 'init', 'scratch')
    await go('get', `github.com/influxdata/influxdb/v2/cmd/influxd@v${VERSION}`)
    await go('install', `github.com/influxdata/pkg-config@${PKG_CONFIG_VERSION}`)
    const tags = 'sqlite_foreign_keys,sqlite_json,noasset'
    const flags = `-s -w -X main.version=${VERSION}`
    await go(
      'build',
      '-tags',
      tags,
      '-ldflags',
      flags,
      '-o',
      join(folder, 'influxd'),
      'github.com/influxdata/influxdb/v2/cmd/influxd',
    )
    await rm(work, { recursive: true, force: true })
  },
}

export interface InfluxServer extends RestartableServer {
  readonly url: string
  readonly org: string
  /** May do everything. */
  readonly token: string
}

export interface InfluxTls {
  readonly certFile: string
  readonly keyFile: string
  /** The root of its certificate, which must be for `localhost`. */
  readonly caPem: string
}

export interface InfluxOptions {
  readonly tls?: InfluxTls
  /** The token that may do everything; a new one when left out. */
  readonly token?: string
}

export async function startInflux(folder: string, { tls, token = newToken() }: InfluxOptions = {}): Promise<InfluxServer> {
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const url = tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`
  const logFile = join(folder, 'influxd.log')
  const program = join(artefactFolder(influxArtefact), 'influxd')
  const argv = [
    `--bolt-path=${join(folder, 'influxd.bolt')}`,
    `--engine-path=${join(folder, 'engine')}`,
    `--sqlite-path=${join(folder, 'influxd.sqlite')}`,
    `--http-bind-address=127.0.0.1:${port}`,
    '--reporting-disabled',
    ...(tls === undefined ? [] : [`--tls-cert=${tls.certFile}`, `--tls-key=${tls.keyFile}`]),
  ]
  const ask = (path: string, body?: string) => post(new URL(path, url), { ca: tls?.caPem, body })
  const isReady = async (): Promise<boolean> => (await ask('/health')).status === 200
  const server = await startRestartable(
    () => startServer(program, argv, { logFile }),
    (started) => untilReady(started, logFile, READY_TIMEOUT_MS, isReady),
  )
  const body = { username: 'millrace', password: randomBytes(16).toString('hex'), org: ORG, bucket: 'setup', token }
  const { status, text } = await ask('/api/v2/setup', JSON.stringify(body))
  if (status !== 201) throw new Error(`InfluxDB could not be set up: ${status} ${text}`)
  return Object.assign(server, { url, org: ORG, token })
}

const newToken = (): string => randomBytes(32).toString('base64url')

/** `fetch` knows no roots but its own. Without a body it only asks. */
async function post(url: URL, { ca, body }: { readonly ca: string | undefined; readonly body: string | undefined }) {
  const { request } = url.protocol === 'https:' ? https : http
  const answered = Promise.withResolvers<http.IncomingMessage>()
  const options = { method: body === undefined ? 'GET' : 'POST', ...(ca !== undefined && { ca }) }
  request(url, options, answered.resolve).once('error', answered.reject).end(body)
  const answer = await answered.promise
  return { status: answer.statusCode, text: await readText(answer) }
}
