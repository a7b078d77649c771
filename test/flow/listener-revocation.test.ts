import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { ByteClient } from './listener/byte-client.ts'
import { forge } from './listener/forged-certificates.ts'
import { numbered, numbersIn, padded } from './listener/messages.ts'
import { acknowledgement, connack, PINGREQ, PINGRESP, publish, suback, subscribe } from './listener/mqtt-bytes.ts'
import { type Gateway, openSecureListener, type SecureListener } from './listener/secure-listener.ts'
import { until } from './listener/until.ts'

// Goal: a certificate that is no longer good ends its live connection within a second, and nothing of it is stored after that.
// Method: live TLS connections; the time from the registry's change to the end of the socket is measured, several times.
const CLOSED_WITHIN_MS = 1_000
const TIMES = 12

async function enter(listener: SecureListener, gateway: Gateway): Promise<ByteClient> {
  const client = await listener.enter(gateway)
  if (!(await client.takePacket()).equals(connack(0))) throw new Error(`${gateway.gateway} was not let in.`)
  return client
}

const revoke = ({ metadata }: SecureListener, { tenant, gateway }: Gateway): Promise<void> =>
  metadata.revokeGateway({ tenant, id: gateway, revokedMs: Date.now() })

async function timeToClose(client: ByteClient): Promise<number> {
  const startMs = performance.now()
  await client.closed()
  return performance.now() - startMs
}

t.test('revoking a gateway closes its connection within a second, whenever it comes', async (t) => {
  const listener = await openSecureListener(t)
  const times: number[] = []
  for (let index = 0; index < TIMES; index++) {
    const gateway = await listener.enrol('acme', `gw-${index}`)
    const client = await enter(listener, gateway)
    // So that the looks of the listener are met at every phase.
    await setTimeout(index * 37)
    await revoke(listener, gateway)
    times.push(await timeToClose(client))
    t.same(await (await listener.enter(gateway)).takePacket(), connack(5), 'and it does not come back')
  }
  t.comment(`closed after ${times.map(Math.round).join(', ')} ms`)
  t.ok(Math.max(...times) < CLOSED_WITHIN_MS, `the slowest took ${Math.round(Math.max(...times))} ms`)
})

t.test('revoking many at once closes all of them within a second, and nobody else', async (t) => {
  const listener = await openSecureListener(t)
  const gateways: Gateway[] = []
  for (let index = 0; index < 40; index++) gateways.push(await listener.enrol(`tenant-${index % 4}`, `gw-${index}`))
  const clients = await Promise.all(gateways.map((gateway) => enter(listener, gateway)))
  const isRevoked = (index: number): boolean => index % 2 === 0

  await Promise.all(gateways.filter((_, index) => isRevoked(index)).map((gateway) => revoke(listener, gateway)))
  const times = await Promise.all(clients.filter((_, index) => isRevoked(index)).map(timeToClose))
  t.ok(Math.max(...times) < CLOSED_WITHIN_MS, `the slowest took ${Math.round(Math.max(...times))} ms`)
  for (const client of clients.filter((_, index) => !isRevoked(index))) {
    client.send(PINGREQ)
    t.same(await client.takePacket(), PINGRESP)
  }
})

t.test('the end of a rotation closes the connection that still uses the old certificate, within a second', async (t) => {
  const listener = await openSecureListener(t)
  const times: number[] = []
  for (let index = 0; index < 4; index++) {
    const gateway = await listener.enrol('acme', `gw-${index}`)
    const client = await enter(listener, gateway)
    const certificate = await listener.authority.issueGateway({ tenant: 'acme', gateway: gateway.gateway, validDays: 1 })
    const endMs = Date.now() + 300 + index * 100
    await listener.metadata.rotateGateway({ tenant: 'acme', id: gateway.gateway, certificate, revokeOthersMs: endMs })
    t.notOk(client.isClosed, 'it is open during the overlap')
    await client.closed()
    times.push(Date.now() - endMs)
  }
  t.comment(`closed ${times.join(', ')} ms after the end of the overlap`)
  t.ok(Math.min(...times) >= 0, 'none before')
  t.ok(Math.max(...times) < CLOSED_WITHIN_MS, 'and none late')
})

t.test('a certificate that expires while its gateway is connected ends the connection within a second', async (t) => {
  const listener = await openSecureListener(t)
  const times: number[] = []
  for (let index = 0; index < 3; index++) {
    const gateway = await listener.enrol('acme', `gw-${index}`)
    // X.509 counts in whole seconds.
    const notAfterMs = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000
    const pair = await forge(listener.root, { ...gateway, notAfterMs })
    await listener.metadata.rotateGateway({
      tenant: 'acme',
      id: gateway.gateway,
      certificate: pair,
      revokeOthersMs: Date.now() + 60_000,
    })
    const client = await enter(listener, { ...gateway, pair })
    await client.closed()
    times.push(Date.now() - notAfterMs)
  }
  t.comment(`closed ${times.join(', ')} ms after the certificate's end`)
  t.ok(Math.min(...times) >= 0, 'none before')
  t.ok(Math.max(...times) < CLOSED_WITHIN_MS, 'and none late')
  t.match(
    listener.lines.filter(({ msg }) => msg === 'Gateway disconnected.'),
    [{ reason: 'certificate-expired' }],
  )
})

t.test('a revoked gateway that neither reads nor finishes its packet is closed all the same', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  client.socket.pause()
  client.send(publish({ topic: gateway.topic, payload: padded(1, 100_000), qos: 1 }).subarray(0, 50_000))
  await revoke(listener, gateway)
  await until(async () => (await listener.metric('ingest_connections')) === 0, 'the connection is gone')
  t.same(await listener.records(), [])
})

t.test('the will of a revoked gateway is not published', async (t) => {
  const listener = await openSecureListener(t)
  const will = (value: number) => ({ will: { topic: '', payload: numbered(value), qos: 1 } })
  const [revoked, lost] = [await listener.enrol('acme', 'gw-1'), await listener.enrol('acme', 'gw-2')]
  const clients = [
    await listener.enter(revoked, { will: { ...will(1).will, topic: revoked.topic } }),
    await listener.enter(lost, { will: { ...will(2).will, topic: lost.topic } }),
  ]
  for (const client of clients) t.same(await client.takePacket(), connack(0))

  await revoke(listener, revoked)
  await clients[0]?.closed()
  clients[1]?.destroy()
  await until(async () => (await listener.records()).length > 0, 'the will of the one whose line broke is stored')
  t.same(numbersIn(await listener.records()), [2])
  t.equal(await listener.refusals('session-ended'), 1)
})

t.test('nothing is stored that waited for its turn when the gateway was revoked', async (t) => {
  const big = 700_000
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_CONNECTION_IN_FLIGHT_BYTES_MAX: 100 * big } })
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  listener.eventLog.shut()
  const ids = Array.from({ length: 90 }, (_, index) => index + 1)
  client.send(...ids.map((id) => publish({ topic: gateway.topic, payload: padded(id, big), qos: 1, id })))
  await until(() => listener.eventLog.waiting > 1, 'the first have reached the event log')

  await revoke(listener, gateway)
  await client.closed()
  const underWay = listener.eventLog.waiting
  listener.eventLog.open()
  await until(async () => numbersIn(await listener.records()).length === underWay, 'what was on its way is durable')
  // Others are served as before, and behind them nothing of the revoked one comes any more.
  const other = await listener.enrol('acme', 'gw-2')
  const witness = await enter(listener, other)
  witness.send(publish({ topic: other.topic, payload: numbered(99), qos: 1, id: 1 }))
  t.same(await witness.takePacket(), acknowledgement('puback', 1))
  t.ok(underWay < ids.length, `${underWay} of ${ids.length} were on their way to the log`)
  t.same(numbersIn(await listener.records()).length, underWay + 1)
  t.equal(client.waiting.length, 0, 'no acknowledgement for any of them')
})

t.test('a revoked gateway hears nothing any more', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await listener.enter(gateway, { isClean: false })
  client.send(subscribe(1, ['v1/acme/gw-1/down/#', 1]))
  t.same(await client.takePacket(), connack(0))
  t.same(await client.takePacket(), suback(1, 1))
  await revoke(listener, gateway)
  await client.closed()
  t.same(await (await listener.enter(gateway, { isClean: false })).takePacket(), connack(5), 'its kept session is no way back in')
})

t.test('what was revoked while the registry was away, for however long, is closed when it is back', async (t) => {
  let nowMs = Date.now()
  let isAway = false
  const listener = await openSecureListener(t, {
    clock: () => nowMs,
    registry: (metadata) => ({
      ...metadata,
      async revokedCertificates(fromMs, toMs) {
        if (isAway) throw new MillraceError('metadata.unavailable', 'The test has taken the registry away.')
        return metadata.revokedCertificates(fromMs, toMs)
      },
    }),
  })
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  isAway = true
  await until(() => listener.lines.some(({ level }) => level === 50), 'the listener notices')
  await listener.metadata.revokeGateway({ tenant: 'acme', id: 'gw-1', revokedMs: nowMs })
  nowMs += 600_000
  t.notOk(client.isClosed, 'it can not know')
  isAway = false
  t.ok((await timeToClose(client)) < CLOSED_WITHIN_MS)
  t.equal(listener.lines.filter(({ level }) => level === 50).length, 1, 'the outage was told once')
})
