// Goal: the scripts of deploy/ do on their own what the containers count on.
// Method: they are run, with the real openssl and haproxy; the health check asks a real metrics server.
import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createProcessRegistry } from '../../platform/runtime/metrics-registry.ts'
import { startMetricsServer } from '../../platform/runtime/metrics-server.ts'
import { findProgram, needs } from '../programs.ts'
import { at, read } from './read-deploy.ts'

const run = promisify(execFile)
const PARTS = ['kafka', 'postgres', 'influxdb', 'millrace', 'balancer', 'prometheus', 'grafana']
const DAY_MS = 86_400_000

async function folderFor(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-deploy-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const certify = (folder: string, names = 'localhost 127.0.0.1') =>
  run('sh', [at('deploy/certificates.sh'), folder], { env: { ...process.env, PUBLIC_NAMES: names } })

t.test('make-secrets.sh makes long random secrets once', async (t) => {
  const folder = join(await folderFor(t), 'secrets')
  const make = () => run('sh', [at('deploy/make-secrets.sh'), folder])
  await make()
  const first = await readFile(join(folder, 'kafka-password'), 'utf8')
  t.match(first, /^[0-9a-f]{64}$/)
  t.not(await readFile(join(folder, 'postgres-password'), 'utf8'), first, 'each has its own')
  t.equal((await stat(folder)).mode & 0o777, 0o700, 'the folder is shut')
  await make()
  t.equal(await readFile(join(folder, 'kafka-password'), 'utf8'), first, 'what is there stays')
})

t.test('certificates', { skip: needs('openssl') }, async (t) => {
  const folder = await folderFor(t)
  await certify(folder)
  const pem = (part: string, name: string) => readFile(join(folder, part, name), 'utf8')
  const certificateOf = async (part: string) => new X509Certificate(await pem(part, 'cert.pem'))

  t.test('every part has one of its own, from the same root', async (t) => {
    const root = new X509Certificate(await pem('authority', 'ca.pem'))
    t.ok(root.ca)
    for (const part of PARTS) {
      const certificate = await certificateOf(part)
      t.ok(certificate.verify(root.publicKey), `${part} is signed by the root`)
      t.notOk(certificate.ca, `${part} can sign nothing`)
      t.ok(certificate.checkPrivateKey(createPrivateKey(await pem(part, 'key.pem'))), `${part} has the key of it`)
      t.ok(certificate.checkHost('localhost'), `${part} is localhost for its health check`)
      t.ok(Date.parse(certificate.validTo) - Date.now() < 398 * DAY_MS, `${part} ends within 398 days`)
      t.equal((await stat(join(folder, part, 'key.pem'))).mode & 0o777, 0o400)
    }
    for (const role of ['ingest', 'process', 'serve']) t.ok((await certificateOf('millrace')).checkHost(role), role)
  })

  t.test('run again it changes nothing, and with other names it makes new ones from the same root', async (t) => {
    const before = await pem('millrace', 'cert.pem')
    await certify(folder)
    t.equal(await pem('millrace', 'cert.pem'), before)
    const [root, kafka] = [await pem('authority', 'ca.pem'), await pem('kafka', 'cert.pem')]
    await certify(folder, 'mqtt.example.com 10.0.0.7 fd00::7')
    const certificate = await certificateOf('millrace')
    t.ok(certificate.checkHost('mqtt.example.com'))
    t.ok(certificate.checkIP('10.0.0.7'))
    t.ok(certificate.checkIP('fd00::7'))
    t.same([await pem('authority', 'ca.pem'), await pem('kafka', 'cert.pem')], [root, kafka], 'the others stay')
  })

  t.test('one that is broken is made anew', async (t) => {
    await chmod(join(folder, 'kafka', 'cert.pem'), 0o644)
    await writeFile(join(folder, 'kafka', 'cert.pem'), 'not a certificate')
    await certify(folder)
    t.ok((await certificateOf('kafka')).checkHost('kafka'))
  })

  t.test('the health check tells ready from not, and trusts only the certificate that was given', async (t) => {
    const tls = { certFile: join(folder, 'millrace', 'cert.pem'), keyFile: join(folder, 'millrace', 'key.pem') }
    const checks = { store: async () => (isReady ? undefined : Promise.reject(new Error('away'))) }
    let isReady = true
    const { url, stop } = await startMetricsServer({ registry: createProcessRegistry(), port: 0, tls, checks })
    t.teardown(stop)
    const ask = (certFile: string) => {
      const env = { ...process.env, MILLRACE_METRICS_PORT: new URL(url).port, MILLRACE_METRICS_CERT_FILE: certFile }
      return run(process.execPath, [at('deploy/healthcheck.ts')], { env })
    }
    t.match((await ask(tls.certFile)).stdout, /"ready"/)
    await t.rejects(ask(join(folder, 'kafka', 'cert.pem')), { code: 1 })
    isReady = false
    await t.rejects(ask(tls.certFile), { code: 1, stdout: /"down"/ })
  })

  t.test('HAProxy takes the configuration', { skip: needs('haproxy') }, async (t) => {
    const file = join(folder, 'haproxy.cfg')
    await writeFile(file, read('deploy/balancer/haproxy.cfg').replaceAll('/certificates/', `${folder}/balancer/`))
    const check = () => run(findProgram('haproxy') ?? 'haproxy', ['-c', '-f', file])
    await t.resolves(check())
    await writeFile(file, `${await readFile(file, 'utf8')}\nbackend x\n  balance by-magic\n`)
    await t.rejects(check(), { code: 1 }, 'and can fail')
  })
})

t.test('TLS is never opened by the balancer', async (t) => {
  const [, frontend = ''] = /frontend mqtt\n((?: {2}.*\n)+)/.exec(read('deploy/balancer/haproxy.cfg')) ?? []
  t.match(frontend, 'bind :8883')
  t.notMatch(frontend, /ssl|crt|mode http/)
  t.match(read('deploy/balancer/haproxy.cfg'), /^ {2}mode tcp$/m)
})
