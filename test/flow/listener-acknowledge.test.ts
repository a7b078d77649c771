import { connectAsync } from 'mqtt'
import t from 'tap'
import type { ByteClient } from './listener/byte-client.ts'
import { message, standstill, takeAcknowledgements } from './listener/flood.ts'
import { numbered, numbersIn } from './listener/messages.ts'
import { connack, PINGREQ, PINGRESP } from './listener/mqtt-bytes.ts'
import { type Gateway, openSecureListener, type SecureListener } from './listener/secure-listener.ts'
import { until } from './listener/until.ts'

// Goal: an acknowledgement is a promise: it leaves when the message is durable, in publishing order, and never when it isn't.
// Method: a gate before the real event log that lets appends through one by one, in any order, or fails them.
async function enter(listener: SecureListener, gateway: Gateway): Promise<ByteClient> {
  const client = await listener.enter(gateway)
  if (!(await client.takePacket()).equals(connack(0))) throw new Error('The gateway was not let in.')
  return client
}

/** Each in a turn of the event loop of its own, so that it is an append of its own. */
async function sendOneByOne(listener: SecureListener, client: ByteClient, topic: string, count: number): Promise<void> {
  for (let id = 1; id <= count; id++) {
    client.send(message(topic, id))
    await until(() => listener.eventLog.waiting === id, `${id} are on their way`)
  }
}

t.test('there is no acknowledgement before the event log has one', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  listener.eventLog.shut()
  client.send(message(gateway.topic, 1))
  await until(() => listener.eventLog.waiting === 1, 'the message is on its way')
  t.equal(await standstill(() => client.waiting.length), 0)
  t.same(await listener.records(), [])
  await listener.eventLog.letThrough(0)
  await takeAcknowledgements(client, 1, 1)
  t.same(numbersIn(await listener.records()), [1])
})

t.test('acknowledgements leave in publishing order, in whatever order the messages become durable', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  listener.eventLog.shut()
  await sendOneByOne(listener, client, gateway.topic, 6)

  for (const place of [5, 3, 1]) await listener.eventLog.letThrough(place)
  t.equal(await standstill(() => client.waiting.length), 0, 'the 6th, 4th and 2nd are durable, and wait for the first')
  await listener.eventLog.letThrough(0)
  await takeAcknowledgements(client, 1, 2)
  t.equal(await standstill(() => client.waiting.length), 0, 'the 4th waits for the third')
  listener.eventLog.open()
  await takeAcknowledgements(client, 3, 6)
})

t.test('one gateway does not wait for another', async (t) => {
  const listener = await openSecureListener(t)
  const [first, second] = [await listener.enrol('acme', 'gw-1'), await listener.enrol('acme', 'gw-2')]
  const [slow, quick] = [await enter(listener, first), await enter(listener, second)]
  listener.eventLog.shut()
  slow.send(message(first.topic, 1))
  await until(() => listener.eventLog.waiting === 1, 'the first is on its way')
  quick.send(message(second.topic, 1))
  await until(() => listener.eventLog.waiting === 2, 'the second is on its way')
  await listener.eventLog.letThrough(1)
  await takeAcknowledgements(quick, 1, 1)
  t.equal(slow.waiting.length, 0)
  listener.eventLog.open()
})

t.test('when the event log fails, nothing is acknowledged and the connection is closed; sent again, it is', async (t) => {
  const listener = await openSecureListener(t)
  const [gateway, other] = [await listener.enrol('acme', 'gw-1'), await listener.enrol('acme', 'gw-2')]
  const client = await enter(listener, gateway)
  const bystander = await enter(listener, other)
  listener.eventLog.shut()
  const messages = [1, 2, 3].map((id) => message(gateway.topic, id))
  client.send(...messages)
  await until(() => listener.eventLog.waiting === 3, 'all are on their way')
  listener.eventLog.fail()
  await client.closed()
  t.equal(client.waiting.length, 0, 'without an acknowledgement')
  t.equal(await listener.metric('ingest_messages_total'), 3, 'each is counted as lost')
  t.same(await listener.records(), [])
  bystander.send(PINGREQ)
  t.same(await bystander.takePacket(), PINGRESP, 'who published nothing stays')

  const early = await enter(listener, gateway)
  early.send(...messages)
  await early.closed()
  t.equal(early.waiting.length, 0, 'nor is it acknowledged while the log is still away')

  listener.eventLog.open()
  const again = await enter(listener, gateway)
  again.send(...messages)
  await takeAcknowledgements(again, 1, 3)
  t.same(numbersIn(await listener.records()), [1, 2, 3])
})

t.test('a failure in the middle takes none of the acknowledgements before it, and all behind it', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  listener.eventLog.shut()
  await sendOneByOne(listener, client, gateway.topic, 4)
  await listener.eventLog.letThrough(3)
  await listener.eventLog.letThrough(0)
  await takeAcknowledgements(client, 1, 1)
  listener.eventLog.fail()
  await client.closed()
  t.equal(client.waiting.length, 0, 'the 4th is durable, but an acknowledgement for it would pass over the 2nd')
})

t.test('a library that sends again by itself gets everything through an outage', async (t) => {
  const listener = await openSecureListener(t)
  const { pair, topic } = await listener.enrol('acme', 'gw-1')
  const client = await connectAsync({
    protocol: 'mqtts',
    host: '127.0.0.1',
    port: listener.port,
    ca: listener.authority.rootPem,
    cert: pair.certificatePem,
    key: pair.privateKeyPem,
    clientId: 'gw-1',
    clean: false,
    reconnectPeriod: 50,
  })
  client.on('error', () => undefined)
  listener.eventLog.fail()
  const sent = Array.from({ length: 20 }, (_, index) => client.publishAsync(topic, numbered(index), { qos: 1 }))
  await until(async () => (await listener.metric('ingest_messages_total')) > 60, 'it has been turned away some times')
  listener.eventLog.open()
  await Promise.all(sent)
  t.same(
    [...new Set(numbersIn(await listener.records()))].sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, index) => index),
  )
  await client.endAsync()
})

t.test('a stop of the listener waits for what it has read, acknowledges it, and says goodbye in order', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const client = await enter(listener, gateway)
  listener.eventLog.shut()
  client.send(...[1, 2, 3].map((id) => message(gateway.topic, id)))
  await until(() => listener.eventLog.waiting === 3, 'all are on their way')
  const stopped = listener.stop()
  t.equal(await standstill(() => client.waiting.length), 0)
  listener.eventLog.open()
  await takeAcknowledgements(client, 1, 3)
  await client.closed()
  t.equal(client.error, undefined)
  await stopped
})
