import { connectAsync } from 'mqtt'
import t from 'tap'
import type { ByteClient } from './listener/byte-client.ts'
import { numbered, numbersIn } from './listener/messages.ts'
import { acknowledgement, connack, hex, PINGREQ, PINGRESP, publish } from './listener/mqtt-bytes.ts'
import { openSecureListener, type SecureListener } from './listener/secure-listener.ts'

// Goal: who a gateway is comes from its certificate alone. What it calls itself can neither make it another one nor take another's place.
// Method: gateways of two tenants, some with the same id, over TLS.
async function isAlive(client: ByteClient): Promise<boolean> {
  client.send(PINGREQ)
  return (await client.takePacket()).equals(PINGRESP)
}

const ids: readonly (readonly [id: string | Uint8Array, isClean: boolean, answer: Buffer, what: string])[] = [
  ['gw-1', true, connack(0), 'the gateway id'],
  ['gw-1', false, connack(0), 'the gateway id, for a session that is kept'],
  ['acme/gw-1', true, connack(0), 'tenant and gateway'],
  ['', true, connack(0), 'no id, with a clean session'],
  ['', false, connack(2), 'no id, for a session that is kept'],
  ['gw-2', true, connack(2), 'the id of another gateway'],
  ['globex/gw-1', true, connack(2), 'another tenant before its id'],
  ['GW-1', true, connack(2), 'its id in capitals'],
  ['acme/gw-1/', true, connack(2), 'a slash too many'],
  ['acme', true, connack(2), 'its tenant'],
  ['gw-1 ', true, connack(2), 'a space behind its id'],
  ['gw-1\n', true, connack(2), 'a line break behind its id'],
  ['__proto__', true, connack(2), '__proto__'],
  ['gw-1\u0000', true, Buffer.alloc(0), 'U+0000 behind its id'],
  [hex('ed a0 80'), true, Buffer.alloc(0), 'a surrogate'],
]

t.test('the client id', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  await listener.enrol('acme', 'gw-2')
  for (const [id, isClean, answer, what] of ids) {
    const verdict = answer.length === 0 ? 'the end of the connection' : `CONNACK ${answer[3]}`
    t.test(`${what} is answered with ${verdict}`, async (t) => {
      const client = await listener.enter(gateway, { id, isClean })
      t.same(await client.takePacket(), answer)
      if (answer[3] !== 0) await client.closed()
      client.destroy()
    })
  }
})

t.test('two tenants with the same gateway id stay connected side by side, each in its own name', async (t) => {
  const listener = await openSecureListener(t)
  const gateways = [await listener.enrol('acme', 'gw-1'), await listener.enrol('globex', 'gw-1')]
  const clients = await Promise.all(gateways.map((gateway) => listener.enter(gateway, { id: 'gw-1' })))
  for (const client of clients) t.same(await client.takePacket(), connack(0))
  for (const client of clients) t.ok(await isAlive(client))

  for (const [index, client] of clients.entries()) {
    client.send(publish({ topic: gateways[index]?.topic ?? '', payload: numbered(index), qos: 1, id: 1 }))
    t.same(await client.takePacket(), acknowledgement('puback', 1))
  }
  const records = await listener.records()
  t.same(
    new Set(records.map(({ key, ...record }) => `${key} ${numbersIn([{ key, ...record }])}`)),
    new Set(['acme/gw-1 0', 'globex/gw-1 1']),
  )
})

t.test("another tenant's certificate does not take over a session by naming it", async (t) => {
  const listener = await openSecureListener(t)
  const victim = await listener.enter(await listener.enrol('acme', 'gw-1'))
  t.same(await victim.takePacket(), connack(0))
  const thief = await listener.enrol('globex', 'gw-1')
  for (const id of ['acme/gw-1', 'gw-1', '']) {
    const client = await listener.enter(thief, { id })
    t.same(await client.takePacket(), connack(id === 'acme/gw-1' ? 2 : 0), `as "${id}"`)
    t.ok(await isAlive(victim), 'the first one is as it was')
  }
})

t.test('a gateway that comes again takes over its own session, under any of its names', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  let last: ByteClient | undefined
  for (const id of ['gw-1', 'acme/gw-1', '', 'gw-1']) {
    const client = await listener.enter(gateway, { id })
    t.same(await client.takePacket(), connack(0))
    await last?.closed()
    last = client
  }
  t.equal(await listener.metric('ingest_connections'), 1)
})

t.test('packets that come before CONNACK, in one piece or in many, wait until it is known who sent them', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  for (const [index, isOnePiece] of [true, false].entries()) {
    const client = await listener.enter(gateway)
    const messages = [1, 2, 3].map((id) => publish({ topic: gateway.topic, payload: numbered(10 * index + id), qos: 1, id }))
    if (isOnePiece) client.send(...messages)
    else for (const message of messages) for (const byte of message) client.send(Uint8Array.of(byte))
    t.same(await client.takePacket(), connack(0))
    for (const id of [1, 2, 3]) t.same(await client.takePacket(), acknowledgement('puback', id))
    client.destroy()
  }
  t.same(numbersIn(await listener.records()), [1, 2, 3, 11, 12, 13])
})

t.test('a gateway that speaks before it is admitted, and is not, has said nothing', async (t) => {
  const listener = await openSecureListener(t)
  const stranger = await listener.issue('acme', 'gw-1')
  const client = await listener.enter(stranger)
  client.send(publish({ topic: stranger.topic, payload: numbered(1), qos: 1, id: 1 }))
  t.same(await client.takePacket(), connack(5))
  await client.closed()
  t.same(await listener.records(), [])
})

t.test('the library that most gateways use comes in, publishes and leaves', async (t) => {
  const listener = await openSecureListener(t)
  const { pair, topic } = await listener.enrol('acme', 'gw-1')
  const client = await connectMqtt(listener, pair, 'gw-1')
  await Promise.all([1, 2, 3].map((value) => client.publishAsync(topic, numbered(value), { qos: 1 })))
  t.same(numbersIn(await listener.records()), [1, 2, 3])
  const granted = await client.subscribeAsync(['v1/acme/gw-1/down/#'])
  t.match(granted, [{ topic: 'v1/acme/gw-1/down/#', qos: 0 }])
  await client.endAsync()
})

function connectMqtt(
  { port, authority }: SecureListener,
  pair: { certificatePem: string; privateKeyPem: string },
  clientId: string,
) {
  return connectAsync({
    protocol: 'mqtts',
    host: '127.0.0.1',
    port,
    ca: authority.rootPem,
    cert: pair.certificatePem,
    key: pair.privateKeyPem,
    clientId,
    reconnectPeriod: 0,
  })
}
