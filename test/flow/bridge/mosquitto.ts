import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type IClientOptions } from 'mqtt'
import type { Test } from 'tap'
import { openAuthority } from '../../../platform/adapters/x509/authority.ts'
import { urlHost } from '../../../platform/runtime/loopback.ts'
import { freePort } from '../../../scripts/services/run.ts'
import { findProgram } from '../../programs.ts'
import { until } from '../../unit/sqlite-log/open-log.ts'

export interface Mosquitto {
  readonly url: string
  readonly port: number
  readonly caFile: string | undefined
  readonly caPem: string | undefined
  /** Resolves when it is acknowledged. */
  publish(topic: string, payload: object | string | Buffer, more?: object): Promise<unknown>
}

export interface MosquittoOptions {
  readonly tls?: boolean
  readonly address?: '127.0.0.1' | '::1'
  /** More lines of its configuration. */
  readonly more?: readonly string[]
  /** Who publishes, where not everybody may. */
  readonly publisher?: IClientOptions
}

/** A broker that is already there: a real one, on a free port, until the end of the test. */
export async function startMosquitto(t: Test, options: MosquittoOptions = {}): Promise<Mosquitto> {
  const { tls = false, address = '127.0.0.1', more = ['allow_anonymous true'], publisher: access = {} } = options
  const folder = await mkdtemp(join(tmpdir(), 'millrace-mosquitto-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const authority = await openAuthority({ folder })
  const server = await authority.issueServer({ names: ['localhost', address], validDays: 2 })
  const files = { ca: join(folder, 'ca.crt'), cert: join(folder, 'server.crt'), key: join(folder, 'server.key') }
  await writeFile(files.ca, authority.rootPem)
  await writeFile(files.cert, server.certificatePem)
  await writeFile(files.key, server.privateKeyPem)
  const secure = [`cafile ${files.ca}`, `certfile ${files.cert}`, `keyfile ${files.key}`, 'tls_version tlsv1.3']
  const lines = [`listener ${port} ${address}`, 'user root', 'max_queued_messages 0', ...more, ...(tls ? secure : [])]
  await writeFile(join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`)
  const program = findProgram('mosquitto') ?? 'mosquitto'
  const child = spawn(program, ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))

  const scheme = tls ? 'mqtts' : 'mqtt'
  const reach: IClientOptions = { protocol: scheme, host: address, port, reconnectPeriod: 0, ...access }
  const own: IClientOptions = { ...reach, ...(tls && { ca: authority.rootPem }) }
  await until(async () => {
    const probe = await connectAsync(own).catch(() => undefined)
    await probe?.endAsync(true)
    return probe !== undefined
  })
  const publisher = await connectAsync(own)
  t.teardown(() => publisher.endAsync(true))
  return {
    url: `${scheme}://${address === '127.0.0.1' ? 'localhost' : urlHost(address)}:${port}`,
    port,
    caFile: tls ? files.ca : undefined,
    caPem: tls ? authority.rootPem : undefined,
    publish(topic, payload, more = {}) {
      const bytes = payload instanceof Buffer || typeof payload === 'string' ? payload : JSON.stringify(payload)
      return publisher.publishAsync(topic, bytes, { qos: 1, ...more })
    },
  }
}
