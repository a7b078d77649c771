import t, { type Test } from 'tap'
import type { ByteClient } from './listener/byte-client.ts'
import { flood, message, standstill, takeAcknowledgements } from './listener/flood.ts'
import { numbersIn, padded } from './listener/messages.ts'
import { acknowledgement, connack, PINGREQ, PINGRESP, publish } from './listener/mqtt-bytes.ts'
import { type Gateway, openSecureListener, type SecureListener } from './listener/secure-listener.ts'
import { until } from './listener/until.ts'

// Goal: when the event log is slow, the pressure reaches the gateways through their sockets; the listener holds no more than its limits say,
// and when the log is back everything flows, in order, and nothing stands still for ever.
// Method: a gate before the real event log. It is shut while gateways send all that the line takes; then it is opened.
const KIB = 1_024
const MIB = 1_048_576

interface Visitor {
  readonly gateway: Gateway
  readonly client: ByteClient
}

async function enter(listener: SecureListener, gatewayId: string): Promise<Visitor> {
  const gateway = await listener.enrol('acme', gatewayId)
  return { gateway, client: await enterAgain(listener, gateway) }
}

async function enterAgain(listener: SecureListener, gateway: Gateway): Promise<ByteClient> {
  const client = await listener.enter(gateway)
  if (!(await client.takePacket()).equals(connack(0))) throw new Error('The gateway was not let in.')
  return client
}

async function enterMany(listener: SecureListener, count: number): Promise<readonly Visitor[]> {
  const visitors: Visitor[] = []
  for (let index = 0; index < count; index++) visitors.push(await enter(listener, `gw-${index}`))
  return visitors
}

async function numbersOf(listener: SecureListener, { gateway }: Visitor): Promise<readonly number[]> {
  return numbersIn((await listener.records()).filter(({ key }) => key === `${gateway.tenant}/${gateway.gateway}`))
}

const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, index) => index + 1)

t.test('past the limit of one connection its socket is not read: what the gateway can send is bounded', async (t) => {
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_CONNECTION_IN_FLIGHT_MESSAGES_MAX: 10 } })
  const visitor = await enter(listener, 'gw-1')
  listener.eventLog.shut()
  const rssBefore = process.memoryUsage().rss
  const flow = flood(visitor.client, visitor.gateway.topic, { sizeBytes: KIB, max: 60_000 })
  const sentBytes = await standstill(() => flow.sentBytes)
  const grownMiB = (process.memoryUsage().rss - rssBefore) / MIB

  t.equal(listener.eventLog.waiting, 10, 'as many as the limit says have been let in')
  t.comment(`the gateway could send ${(sentBytes / MIB).toFixed(1)} MiB of 60, the process grew by ${grownMiB.toFixed(1)} MiB`)
  // The buffers of the kernel, both ends of them, and one read of the stream.
  t.ok(sentBytes < 16 * MIB, 'the line took no more than its buffers hold')
  t.notOk(visitor.client.isClosed)

  flow.stop()
  listener.eventLog.open()
  await takeAcknowledgements(visitor.client, 1, flow.written)
  t.same(await numbersOf(listener, visitor), upTo(flow.written), 'everything arrived, in order')
})

t.test('the limit of one connection in bytes holds too, and a message that is larger passes alone', async (t) => {
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_CONNECTION_IN_FLIGHT_BYTES_MAX: 300 * KIB } })
  const { client, gateway } = await enter(listener, 'gw-1')
  listener.eventLog.shut()
  const sizes = [100, 100, 100, 100, 400, 50, 900, 900, 10]
  client.send(
    ...sizes.map((size, index) => publish({ topic: gateway.topic, payload: padded(index, size * KIB), qos: 1, id: index + 1 })),
  )
  // Large ones are checked on a thread, which is started for the first of them.
  await until(() => listener.eventLog.waiting === 2, 'two have been let in')
  t.equal(await standstill(() => listener.eventLog.waiting), 2)
  t.ok(listener.eventLog.waitingBytes < 300 * KIB)
  listener.eventLog.open()
  await takeAcknowledgements(client, 1, sizes.length)
})

t.test('past the limit of all connections no socket is read, and afterwards each is served, in order', async (t) => {
  const limit = 100
  const each = 60
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_IN_FLIGHT_MESSAGES_MAX: limit } })
  const visitors = await enterMany(listener, 30)
  listener.eventLog.shut()
  for (const { client, gateway } of visitors) client.send(...upTo(each).map((id) => message(gateway.topic, id)))
  t.equal(await standstill(() => listener.eventLog.waiting), limit)

  listener.eventLog.open()
  await Promise.all(visitors.map(({ client }) => takeAcknowledgements(client, 1, each)))
  for (const visitor of visitors) t.same(await numbersOf(listener, visitor), upTo(each))
})

t.test('the limit of all connections in bytes holds with large messages, which all arrive', async (t) => {
  const limitBytes = 2 * MIB
  const each = 4
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_IN_FLIGHT_BYTES_MAX: limitBytes } })
  const visitors = await enterMany(listener, 16)
  listener.eventLog.shut()
  for (const [index, { client, gateway }] of visitors.entries()) {
    const sizeBytes = index % 2 === 0 ? 700 * KIB : 300
    client.send(...upTo(each).map((id) => publish({ topic: gateway.topic, payload: padded(id, sizeBytes), qos: 1, id })))
  }
  await standstill(() => listener.eventLog.waitingBytes)
  t.ok(listener.eventLog.waitingBytes <= limitBytes, `${(listener.eventLog.waitingBytes / MIB).toFixed(2)} MiB are on their way`)

  listener.eventLog.open()
  await Promise.all(visitors.map(({ client }) => takeAcknowledgements(client, 1, each)))
  for (const visitor of visitors) t.same(await numbersOf(listener, visitor), upTo(each))
})

t.test('a large message is not kept out by small ones that never end', async (t) => {
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_IN_FLIGHT_BYTES_MAX: MIB } })
  const small = await enterMany(listener, 8)
  const { client, gateway } = await enter(listener, 'large')
  const flows = small.map((visitor) => flood(visitor.client, visitor.gateway.topic, { sizeBytes: 40 * KIB, max: 60_000 }))
  // Acknowledgements are read, so that it is the room in the listener that is short.
  for (const visitor of small) visitor.client.socket.resume()
  await until(() => flows.every(({ written }) => written > 20), 'the small ones flow')

  const writtenBefore = flows.reduce((sum, { written }) => sum + written, 0)
  client.send(publish({ topic: gateway.topic, payload: padded(1, 1_000 * KIB), qos: 1, id: 1 }))
  await takeAcknowledgements(client, 1, 1)
  const passed = flows.reduce((sum, { written }) => sum + written, 0) - writtenBefore
  for (const flow of flows) flow.stop()
  t.ok(passed < 4_000, `${passed} small messages were sent meanwhile`)
})

t.test('room is not given twice to a gateway that leaves and comes again while the log stands still', async (t) => {
  const config = { MILLRACE_MQTT_IN_FLIGHT_MESSAGES_MAX: 50, MILLRACE_MQTT_CONNECTION_IN_FLIGHT_MESSAGES_MAX: 10 }
  const listener = await openSecureListener(t, { config })
  const { client: first, gateway } = await enter(listener, 'gw-1')
  listener.eventLog.shut()
  let client = first
  for (let round = 1; round <= 20; round++) {
    client.send(...upTo(20).map((id) => message(gateway.topic, id)))
    await until(() => listener.eventLog.waiting === Math.min(10 * round, 50), 'what fits is let in')
    client.destroy()
    client = await enterAgain(listener, gateway)
  }
  t.equal(await standstill(() => listener.eventLog.waiting), 50)
  client.send(message(gateway.topic, 1))
  listener.eventLog.open()
  await takeAcknowledgements(client, 1, 1)
})

t.test('a gateway is not closed for being silent while it is the listener that does not read', async (t) => {
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_CONNECTION_IN_FLIGHT_MESSAGES_MAX: 1 } })
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await listener.enter(gateway, { keepAlive: 1 })
  t.same(await client.takePacket(), connack(0))
  const silent = await listener.enter(await listener.enrol('acme', 'gw-2'), { keepAlive: 2 })
  t.same(await silent.takePacket(), connack(0))
  listener.eventLog.shut()
  client.send(message(gateway.topic, 1), message(gateway.topic, 2), PINGREQ)
  await silent.closed()
  t.notOk(client.isClosed, 'three times its keep-alive have passed')
  listener.eventLog.open()
  const answers = [await client.takePacket(), await client.takePacket(), await client.takePacket()]
  t.same(
    new Set(answers.map((packet) => packet.toString('hex'))),
    new Set([PINGRESP, acknowledgement('puback', 1), acknowledgement('puback', 2)].map((packet) => packet.toString('hex'))),
  )
})

t.test('what a gateway sent before it hung up is stored, even if there was no room for it at the time', async (t: Test) => {
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_CONNECTION_IN_FLIGHT_MESSAGES_MAX: 5 } })
  const visitor = await enter(listener, 'gw-1')
  listener.eventLog.shut()
  const sent = upTo(200).map((id) => publish({ topic: visitor.gateway.topic, payload: padded(id, 500) }))
  visitor.client.socket.end(Buffer.concat(sent))
  await until(() => listener.eventLog.waiting === 5, 'the first are let in')
  listener.eventLog.open()
  await until(async () => (await numbersOf(listener, visitor)).length === 200, 'all of them, though of QoS 0, are stored')
  t.same(await numbersOf(listener, visitor), upTo(200))
})
