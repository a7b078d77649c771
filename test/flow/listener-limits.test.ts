import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { type ByteClient, openPlain } from './listener/byte-client.ts'
import { numbered, numbersIn, padded } from './listener/messages.ts'
import {
  acknowledgement,
  connack,
  connect,
  hex,
  PINGREQ,
  PINGRESP,
  packet,
  publish,
  subscribe,
  TYPES,
} from './listener/mqtt-bytes.ts'
import { openListener } from './listener/open-listener.ts'
import { type Gateway, openSecureListener, type SecureListener } from './listener/secure-listener.ts'
import { until } from './listener/until.ts'

// Goal: what a gateway may take of the listener is bounded in bytes, and each bound is met before the bytes are.
// Method: live TLS connections that send too much, or too slowly; what they get and how long it takes is measured.
const MIB = 1_048_576

async function enter(listener: SecureListener, gateway: Gateway): Promise<ByteClient> {
  const client = await listener.enter(gateway)
  if (!(await client.takePacket()).equals(connack(0))) throw new Error('The gateway was not let in.')
  return client
}

const counted = (listener: SecureListener, reason: string): Promise<void> =>
  until(async () => (await listener.refusals(reason)) === 1, `${reason} is counted once`)

const tooLarge: readonly (readonly [name: string, header: Buffer])[] = [
  ['PUBLISH of the largest length that MQTT has', hex('32 ff ff ff 7f')],
  ['PUBLISH of 1 MiB, 1 KiB and a byte', packetHeader(TYPES.publish, 2, MIB + 1_025)],
  ['CONNECT of 16 KiB and a byte', packetHeader(TYPES.connect, 0, 16_385)],
  ['SUBSCRIBE of 16 KiB and a byte', packetHeader(TYPES.subscribe, 2, 16_385)],
  ['UNSUBSCRIBE of the largest length', hex('a2 ff ff ff 7f')],
  ['PINGREQ of the largest length', hex('c0 ff ff ff 7f')],
]

for (const [name, header] of tooLarge) {
  t.test(`${name} is refused on its header, before a byte of its body is sent`, async (t) => {
    const listener = await openSecureListener(t)
    const client = await enter(listener, await listener.enrol('acme', 'gw-1'))
    client.send(header)
    await client.closed()
    await counted(listener, 'packet-too-large')
  })
}

t.test('a first packet of the largest length is refused on its header', async (t) => {
  const listener = await openSecureListener(t)
  const client = await listener.connect(await listener.enrol('acme', 'gw-1'))
  client.send(hex('10 ff ff ff 7f'))
  await client.closed()
  await counted(listener, 'packet-too-large')
})

t.test('a message of 1 MiB is taken, and one byte more is a message that is rejected with its reason', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  for (const [index, sizeBytes] of [MIB, MIB + 1].entries()) {
    client.send(publish({ topic: gateway.topic, payload: padded(index, sizeBytes), qos: 1, id: index + 1 }))
    t.same(await client.takePacket(), acknowledgement('puback', index + 1))
  }
  const records = await listener.records()
  t.same(numbersIn(records), [0])
  t.match(records, [{}, { headers: { 'millrace.reason': 'payload.too-large' } }])
})

t.test('what comes before CONNECT, and a second CONNECT, close the connection', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const early = await listener.connect(gateway)
  early.send(publish({ topic: gateway.topic, payload: numbered(1) }))
  await early.closed()
  await counted(listener, 'not-connect-first')

  const twice = await enter(listener, gateway)
  twice.send(connect({ id: 'gw-1' }), publish({ topic: gateway.topic, payload: numbered(2) }))
  await twice.closed()
  await counted(listener, 'protocol-error')
  t.same(await listener.records(), [])
})

t.test('a message that comes byte by byte is taken, and costs no more than another', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  for (const byte of publish({ topic: gateway.topic, payload: padded(1, 3_000), qos: 1, id: 1 })) {
    client.send(Uint8Array.of(byte))
    await setTimeout(0)
  }
  t.same(await client.takePacket(), acknowledgement('puback', 1))
  t.same(numbersIn(await listener.records()), [1])
})

/** What is left after a collection of garbage; resident memory says more of what was there before. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  collectGarbage()
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

t.test('200,000 parts of one message neither fill the memory nor hold the event loop', async (t) => {
  const listener = await openListener(t)
  const client = await listener.connect()
  client.send(connect())
  t.same(await client.takePacket(), connack(0))
  const message = publish({ topic: 'x', payload: Buffer.alloc(200_000), qos: 1 })

  const before = heldBytes()
  for (const byte of message.subarray(0, -1)) {
    client.send(Uint8Array.of(byte))
    // A turn of the event loop for each, so that each is read alone.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const grownMiB = (heldBytes() - before) / MIB
  const startMs = performance.now()
  client.send(message.subarray(-1))
  t.same(await client.takePacket(), acknowledgement('puback', 1))
  const tookMs = performance.now() - startMs
  t.comment(`${Math.round(grownMiB)} MiB, ${Math.round(tookMs)} ms`)
  // Kept one by one, they took 150 MiB, and then some minutes of the event loop.
  t.ok(grownMiB < 30, 'memory')
  t.ok(tookMs < 2_000, 'time')
})

t.test('a packet that does not arrive whole in its time ends the connection, however it dribbles', async (t) => {
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_PACKET_TIMEOUT_MS: 700 } })
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  const startMs = performance.now()
  const message = publish({ topic: gateway.topic, payload: padded(1, 3_000), qos: 1 })
  for (let index = 0; index < message.length && !client.isClosed; index++) {
    client.send(message.subarray(index, index + 1))
    await setTimeout(20)
  }
  await client.closed()
  const tookMs = performance.now() - startMs
  t.ok(tookMs > 700 && tookMs < 4_000, `${Math.round(tookMs)} ms`)
  await counted(listener, 'packet-timeout')
  t.same(await listener.records(), [])
})

t.test('a gateway that sends no CONNECT, or half of one, is closed in time', async (t) => {
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_CONNECT_TIMEOUT_MS: 400 } })
  const gateway = await listener.enrol('acme', 'gw-1')
  for (const bytes of [Buffer.alloc(0), connect({ id: 'gw-1' }).subarray(0, 9)]) {
    const client = await listener.connect(gateway)
    const startMs = performance.now()
    client.send(bytes)
    await client.closed()
    const tookMs = performance.now() - startMs
    t.ok(tookMs > 300 && tookMs < 3_000, `${bytes.length} bytes, ${Math.round(tookMs)} ms`)
  }
  await until(async () => (await listener.refusals('connect-timeout')) === 2, 'both are counted')
})

t.test('a gateway is closed after one and a half times its keep-alive, and one that pings is not', async (t) => {
  const listener = await openSecureListener(t)
  const [silent, pinging] = await Promise.all(
    [await listener.enrol('acme', 'gw-1'), await listener.enrol('acme', 'gw-2')].map((gateway) =>
      listener.enter(gateway, { keepAlive: 1 }),
    ),
  )
  if (silent === undefined || pinging === undefined) throw new Error('Both have come in.')
  t.same(await silent.takePacket(), connack(0))
  t.same(await pinging.takePacket(), connack(0))
  const startMs = performance.now()
  while (!silent.isClosed) {
    pinging.send(PINGREQ)
    t.same(await pinging.takePacket(), PINGRESP)
    await setTimeout(250)
  }
  const tookMs = performance.now() - startMs
  t.ok(tookMs > 1_300 && tookMs < 4_000, `${Math.round(tookMs)} ms`)
  t.notOk(pinging.isClosed)
  await counted(listener, 'keep-alive-timeout')
})

t.test('a tenant has so many connections and no more, and a gateway that comes again is let in', async (t) => {
  const listener = await openSecureListener(t, { config: { MILLRACE_MQTT_CONNECTIONS_PER_TENANT_MAX: 2 } })
  const [first, second, third] = [
    await listener.enrol('acme', 'gw-1'),
    await listener.enrol('acme', 'gw-2'),
    await listener.enrol('acme', 'gw-3'),
  ]
  const old = await enter(listener, first)
  const other = await enter(listener, second)

  const refused = await listener.enter(third)
  t.same(await refused.takePacket(), connack(3), 'server unavailable: try again later')
  t.equal(await listener.refusals('tenant-connections'), 1)
  await enter(listener, await listener.enrol('globex', 'gw-1'))

  await enter(listener, first)
  await old.closed()
  t.pass('the first took over its own place')
  other.destroy()
  await until(async () => (await listener.metric('ingest_connections')) === 2, 'one has left')
  await enter(listener, third)
})

t.test('a SUBSCRIBE with as many filters as fit is answered for each', async (t) => {
  const listener = await openSecureListener(t)
  const client = await enter(listener, await listener.enrol('acme', 'gw-1'))
  const filters = Array.from({ length: 2_500 }, (_, index): readonly [string, number] => [index.toString(36), 0])
  client.send(subscribe(1, ...filters), PINGREQ)
  const answer = await client.takePacket()
  t.equal(answer.subarray(5).filter((code) => code === 0x80).length, 2_500, 'refused, one by one')
  t.same(await client.takePacket(), PINGRESP)
})

t.test('plain bytes are no way in', async (t) => {
  const listener = await openSecureListener(t)
  const client = await openPlain({ host: '127.0.0.1', port: listener.port })
  client.send(connect(), Buffer.alloc(100_000))
  await client.closed()
  await until(async () => (await listener.refusals('tls-handshake')) > 0, 'it is counted')
})

function packetHeader(type: number, flags: number, length: number): Buffer {
  return packet(type, flags, Buffer.alloc(length)).subarray(0, -length)
}
