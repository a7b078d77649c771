import { writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { openAuthority } from '../../platform/adapters/x509/authority.ts'
import { collectRoutes } from '../../query-api/route-list.ts'
import { startQueryApi } from '../../query-api/service.ts'
import { configOf, createWorld, settingsOf, startApi } from './query-api-world.ts'

/** The API over TLS, with a certificate of our own authority. */
async function startTls(t: Test) {
  const world = await createWorld(t)
  const authority = await openAuthority({ folder: world.folder })
  const { certificatePem, privateKeyPem } = await authority.issueServer({ names: ['127.0.0.1'], validDays: 1 })
  const files = {
    MILLRACE_HTTP_CERT_FILE: join(world.folder, 'api.pem'),
    MILLRACE_HTTP_KEY_FILE: join(world.folder, 'api-key.pem'),
  }
  writeFileSync(files.MILLRACE_HTTP_CERT_FILE, certificatePem)
  writeFileSync(files.MILLRACE_HTTP_KEY_FILE, privateKeyPem)
  const api = await startApi(t, world.stores, { config: configOf(files) })
  return { ...world, ...api, ca: authority.rootPem }
}

t.test('plain HTTP is refused where others could listen in', async (t) => {
  const { stores } = await createWorld(t)
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com']) {
    const settings = settingsOf({ config: configOf({ MILLRACE_HTTP_HOST: host }) })
    await t.rejects(
      startQueryApi(stores, settings),
      { code: 'config.invalid', message: /unencrypted.*MILLRACE_HTTP_CERT_FILE.*127\.0\.0\.1/ },
      host,
    )
  }
})

t.test('a certificate without a key, or files that are none, are refused by name', async (t) => {
  const { stores, folder } = await createWorld(t)
  t.throws(() => configOf({ MILLRACE_HTTP_CERT_FILE: 'x.pem' }), /MILLRACE_HTTP_KEY_FILE/)
  const noPem = join(folder, 'no.pem')
  writeFileSync(noPem, 'nothing')
  for (const file of [noPem, join(folder, 'missing.pem')]) {
    const settings = settingsOf({ config: configOf({ MILLRACE_HTTP_CERT_FILE: file, MILLRACE_HTTP_KEY_FILE: file }) })
    await t.rejects(startQueryApi(stores, settings), { code: 'config.invalid', message: new RegExp(file) })
  }
})

t.test('over TLS it speaks version 1.3 and no older one, and tells browsers to stay with TLS', async (t) => {
  const { url, ca, addToken } = await startTls(t)
  const authorization = `Bearer ${await addToken('acme')}`
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${url}/v1/sensors`, { ca, headers: { authorization } }, resolve).on('error', reject).end()
  })
  response.resume()
  t.equal(response.statusCode, 200)
  t.match(response.headers['strict-transport-security'], /^max-age=31536000$/)

  const { hostname, port } = new URL(url)
  const versionWith = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
    new Promise((resolve) => {
      const socket = connect({ host: hostname, port: Number(port), ca, maxVersion }, () => {
        resolve(socket.getProtocol())
        socket.end()
      })
      socket.on('error', () => resolve('refused'))
    })
  t.equal(await versionWith('TLSv1.3'), 'TLSv1.3')
  t.equal(await versionWith('TLSv1.2'), 'refused')
})

t.test('a port that is taken is named', async (t) => {
  const { stores } = await createWorld(t)
  const { url } = await startApi(t, stores)
  const { port } = new URL(url)
  const settings = settingsOf({ config: configOf({ MILLRACE_HTTP_PORT: port }) })
  await t.rejects(startQueryApi(stores, settings), { code: 'listener.unavailable', message: new RegExp(port) })
})

t.test('a route that does not say who may read it stops the start', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  collectRoutes(app)
  t.throws(() => app.get('/v1/forgotten', async () => 'everyone sees this'), /\/v1\/forgotten does not declare who may read it/)
})
