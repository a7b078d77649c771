import { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { type ByteClient, openPlain } from './listener/byte-client.ts'
import { numbered } from './listener/messages.ts'
import { acknowledgement, connack, publish } from './listener/mqtt-bytes.ts'
import { openSecureListener, type SecureListener } from './listener/secure-listener.ts'
import { until } from './listener/until.ts'

// Goal: connections that never speak, or only start to, keep no gateway out and are gone after a while.
// Method: thousands of plain sockets to the TLS port, and handshakes that stop half way; meanwhile a good gateway comes and publishes.
const IDLE = 2_000

async function openIdle(t: Test, { port }: SecureListener, count: number): Promise<readonly ByteClient[]> {
  const clients: ByteClient[] = []
  for (let index = 0; index < count; index += 100)
    clients.push(...(await Promise.all(Array.from({ length: 100 }, () => openPlain({ host: '127.0.0.1', port })))))
  t.teardown(() => {
    for (const client of clients) client.destroy()
  })
  return clients
}

/** From the first packet of TCP to the acknowledgement of a message, milliseconds. */
async function timeToServe(t: Test, listener: SecureListener, gatewayId: string): Promise<number> {
  const gateway = await listener.enrol('acme', gatewayId)
  const startMs = performance.now()
  const client = await listener.enter(gateway)
  t.same(await client.takePacket(), connack(0))
  client.send(publish({ topic: gateway.topic, payload: numbered(1), qos: 1, id: 1 }))
  t.same(await client.takePacket(), acknowledgement('puback', 1))
  client.destroy()
  return performance.now() - startMs
}

t.test(`${IDLE} connections that say nothing do not keep a gateway waiting, and are closed`, async (t) => {
  const listener = await openSecureListener(t, { handshakeTimeoutMs: 6_000 })
  const aloneMs = await timeToServe(t, listener, 'gw-1')
  const clients = await openIdle(t, listener, IDLE)
  const besideMs = await timeToServe(t, listener, 'gw-2')
  t.comment(`${Math.round(aloneMs)} ms alone, ${Math.round(besideMs)} ms beside them`)
  t.ok(besideMs < aloneMs + 1_000, 'the gateway was served as before')
  t.ok(clients.filter(({ isClosed }) => isClosed).length >= IDLE - 1_000, 'the oldest gave way')
  t.notOk(clients.at(-1)?.isClosed, 'the newest still has its time')
  await Promise.all(clients.map((client) => client.closed()))
  const counted = async () => (await listener.refusals('tls-handshake')) + (await listener.refusals('tls-timeout'))
  await until(async () => (await counted()) === IDLE, 'each is counted')
  t.same(
    listener.lines.filter(({ level }) => level >= 40),
    [],
    'and none of them writes a line in the log',
  )
})

t.test('a door that is full of connections that say nothing still lets gateways in', async (t) => {
  const listener = await openSecureListener(t, { connectionsMax: 100, handshakeTimeoutMs: 30_000 })
  const idle = await openIdle(t, listener, 100)
  t.notOk(
    idle.some(({ isClosed }) => isClosed),
    'the door is full',
  )
  let attempts = 0
  await until(async () => {
    attempts++
    const gateway = await listener.enrol('acme', `gw-${attempts}`)
    const client = await listener.enter(gateway)
    return (await client.takePacket()).equals(connack(0))
  }, 'a gateway comes in')
  t.ok(attempts <= 3, `at the attempt number ${attempts}`)
})

t.test('a handshake that stops half way is closed in time', async (t) => {
  const listener = await openSecureListener(t, { handshakeTimeoutMs: 500 })
  const hello = await clientHello()
  for (const [name, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['a byte', hello.subarray(0, 1)],
    ['half a ClientHello', hello.subarray(0, hello.length >> 1)],
    ['a whole ClientHello', hello],
  ] as const) {
    const client = await openPlain({ host: '127.0.0.1', port: listener.port })
    const startMs = performance.now()
    client.send(bytes)
    await client.closed()
    const tookMs = performance.now() - startMs
    t.ok(tookMs > 400 && tookMs < 3_000, `${name}: ${Math.round(tookMs)} ms`)
  }
  await until(async () => (await listener.refusals('tls-timeout')) === 4, 'each is counted')
})

t.test('a handshake that dribbles in is closed in time as well', async (t) => {
  const listener = await openSecureListener(t, { handshakeTimeoutMs: 500 })
  const hello = await clientHello()
  const client = await openPlain({ host: '127.0.0.1', port: listener.port })
  const startMs = performance.now()
  for (let index = 0; index < hello.length && !client.isClosed; index++) {
    client.send(hello.subarray(index, index + 1))
    await setTimeout(20)
  }
  await client.closed()
  const tookMs = performance.now() - startMs
  t.ok(tookMs < 3_000, `${Math.round(tookMs)} ms, while ${hello.length} bytes would have taken ${hello.length * 20}`)
})

/** What a client of TLS 1.3 sends first. */
async function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const line = new Duplex({
      read: () => undefined,
      write(chunk: Buffer) {
        resolve(chunk)
        this.destroy()
      },
    })
    connectTls({ socket: line, minVersion: 'TLSv1.3' }).on('error', () => undefined)
  })
}
