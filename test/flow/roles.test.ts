// Goal: each role runs in a process of its own, says what it needs, and is told apart by its probes; three of them are the product.
// Method: the real command line, on real servers.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { fix } from '../../operate/up/fix.ts'
import { readUpSettings } from '../../operate/up/settings.ts'
import { startRole } from '../../operate/up/start-role.ts'
import { openAuthority } from '../../platform/adapters/x509/authority.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { operationsOn } from '../fault/harness/enrol.ts'
import { needsServers, serverVariables } from './pipeline/at-scale.ts'
import { connectGateway, createProgram } from './pipeline/world.ts'

t.setTimeout(120_000)
const logFor = (part: string) => createLogger({ level: 'silent', part, isPretty: false })
const onDeath = (error: Error) => t.fail('a thread ended by itself', { error })
const place = (listeners: readonly { name: string; url: string }[], name: string): string =>
  listeners.find((listener) => listener.name === name)?.url ?? ''

t.test('a role that shares no stores says what to set', async (t) => {
  const folder = t.testdir()
  const alone = { folder, settings: readUpSettings({}), logFor, isPretty: false, onDeath }
  await t.rejects(startRole('ingest', alone), {
    code: 'config.invalid',
    message: /MILLRACE_KAFKA_BROKERS.*MILLRACE_POSTGRES_URL.*MILLRACE_MQTT_CERT_FILE.*MILLRACE_MQTT_CLIENT_CA_FILE/s,
  })
  await t.rejects(startRole('serve', alone), { message: /MILLRACE_INFLUX_URL/ })
  await t.rejects(startRole('process', alone), { message: /millrace up/ })
})

t.test('three roles are the product', { skip: needsServers() }, async (t) => {
  const folder = t.testdir({ serve: {}, ingest: {}, process: {}, tls: {} })
  const environment = await serverVariables(t)
  const findings = await fix(environment)
  t.same(
    findings.filter(({ state }) => state !== 'ok'),
    [],
  )
  const ports = { MILLRACE_MQTT_HOST: '127.0.0.1', MILLRACE_MQTT_PORT: '0', MILLRACE_HTTP_PORT: '0', MILLRACE_METRICS_PORT: '0' }
  const optionsFor = (name: string, more: Readonly<Record<string, string>> = {}) => ({
    folder: join(folder, name),
    settings: readUpSettings({ ...environment, ...ports, ...more }),
    logFor,
    isPretty: false,
    onDeath,
  })
  const serve = await startRole('serve', optionsFor('serve'))
  t.teardown(serve.stop)
  const operations = await operationsOn(join(folder, 'serve'))
  const { certificatePem, privateKeyPem, caPem } = await operations.call('listeners.certify', {
    names: ['localhost', '127.0.0.1'],
  })
  const files = { cert: join(folder, 'tls', 'cert.pem'), key: join(folder, 'tls', 'key.pem'), ca: join(folder, 'tls', 'ca.pem') }
  await writeFile(files.cert, certificatePem)
  await writeFile(files.key, privateKeyPem, { mode: 0o600 })
  await writeFile(files.ca, caPem)
  const tls = { MILLRACE_MQTT_CERT_FILE: files.cert, MILLRACE_MQTT_KEY_FILE: files.key, MILLRACE_MQTT_CLIENT_CA_FILE: files.ca }
  const metricsTls = { MILLRACE_METRICS_CERT_FILE: files.cert, MILLRACE_METRICS_KEY_FILE: files.key }
  const ingest = await startRole('ingest', optionsFor('ingest', { ...tls, ...metricsTls }))
  t.teardown(ingest.stop)
  const processing = await startRole('process', optionsFor('process'))
  t.teardown(processing.stop)

  await operations.call('tenants.add', { tenant: 'acme', name: 'Acme' })
  const mqttPort = Number(new URL(place(ingest.listeners, 'mqtt')).port)
  const up = {
    operations,
    mqttPort,
    rootPem: caPem,
    apiUrl: place(serve.listeners, 'http'),
    metricsUrl: '',
    name: 'up',
    stop: serve.stop,
  }
  const gateway = await connectGateway(t, up, { tenant: 'acme', gateway: 'gw-1' })
  const program = await createProgram(up, 'acme')
  const ts = Date.now()
  await gateway.publish({ readings: [{ sensor: 'press-1', ts, values: { power_w: 7 } }] })
  const page = await program.getUntil(`/v1/sensors/press-1/readings?from=${ts}&to=${ts + 1}`, 'power_w')
  t.match(page, { readings: [{ power_w: 7 }] })
  t.match(await program.getUntil('/v1/gateways', '"isConnected":true'), { gateways: [{ gateway: 'gw-1' }] })

  t.test('each tells how it is', async (t) => {
    const ready = new URL('/readyz', place(processing.listeners, 'metrics'))
    t.match(await (await fetch(ready)).json(), {
      status: 'ready',
      checks: [{ name: 'event-log' }, {}, { name: 'stream-processors' }],
    })
    t.equal(await (await fetch(new URL('/healthz', ready))).text(), 'ok\n')
    t.match(await (await fetch(new URL('/metrics', ready))).text(), /process_values_total/)
    t.equal((await fetch(new URL('/other', ready))).status, 404)
    t.match(place(ingest.listeners, 'metrics'), /^https:/, 'and over TLS where it has a certificate')
    await t.rejects(fetch(place(ingest.listeners, 'metrics')), 'which a stranger does not trust')
  })

  t.test('a listener has no certificate authority, and a broken file is named', async (t) => {
    await t.rejects(operationsOn(join(folder, 'ingest')), /admin socket/)
    const missing = { ...tls, MILLRACE_MQTT_CLIENT_CA_FILE: join(folder, 'nowhere.pem') }
    await t.rejects(startRole('ingest', optionsFor('process-2', missing)), {
      code: 'config.invalid',
      message: /MILLRACE_MQTT_CLIENT_CA_FILE/,
    })
  })
  await gateway.client.endAsync(true)
  await rm(files.key)
  t.ok(await openAuthority({ folder: join(folder, 'serve') }), 'the authority is with who serves')
})
