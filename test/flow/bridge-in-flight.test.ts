// Goal: what the bridge has in flight is bounded in messages and in bytes, over all connections; each message settles on the connection on which it
// came and on no other; and only what was sent is counted as acknowledged.
// Method: a real Mosquitto behind a wire that is cut; a real event log behind a gate that is shut.
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { BridgeSettings } from '../../ingest/service.ts'
import { needs } from '../programs.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { startMosquitto } from './bridge/mosquitto.ts'
import { startRelay } from './bridge/relay.ts'
import { bridgeTo, durable, reading } from './bridge/settings.ts'
import { openSecureListener } from './listener/secure-listener.ts'

t.setTimeout(60_000)
const skip = needs('mosquitto')
const TOPIC = 'v1/acme/gw-1/readings'
const MIB = 1_048_576
/** As long as it would take for something to happen that must not. */
const A_WHILE_MS = 400

/** A bridge to Mosquitto over a wire that can be cut, before an event log that is shut. */
async function openBridge(t: Test, inFlight: BridgeSettings['connection']['inFlight']) {
  const broker = await startMosquitto(t)
  const relay = await startRelay(t, broker.port)
  const listener = await openSecureListener(t, { bridge: bridgeTo(relay.url, { inFlight }) })
  await listener.enrol('acme', 'gw-1')
  const connects = () => listener.metric('bridge_connects_total')
  await until(async () => (await connects()) === 1)
  const { eventLog } = listener
  eventLog.shut()
  return {
    listener,
    eventLog,
    publish: (payload: object | string) => broker.publish(TOPIC, payload),
    acknowledged: () => listener.metric('bridge_acknowledged_total'),
    connects,
    /** Cuts the wire, and waits until the bridge is back; its subscription may have to wait behind what comes again. */
    async comeAgain() {
      const before = relay.connections
      relay.cut()
      await until(() => relay.connections === before + 1)
    },
    isDurable: (...wanted: readonly number[]) =>
      until(async () => {
        const all = await durable(listener)
        return wanted.every((n) => all.has(n))
      }),
  }
}

t.test('a message is acknowledged when it is durable, and sent again when it could not be', { skip }, async (t) => {
  const { listener, eventLog, publish, acknowledged, isDurable } = await openBridge(t, { messagesMax: 3, bytesMax: MIB })
  for (let n = 0; n < 6; n++) await publish(reading(n))
  await until(() => eventLog.waiting === 3)
  await setTimeout(A_WHILE_MS)
  t.equal(eventLog.waiting, 3, 'no more are taken than may be in flight')
  t.equal(await listener.metric('bridge_in_flight_messages'), 3, 'which is told')
  t.equal(await acknowledged(), 0, 'and none is acknowledged')
  eventLog.fail()
  await setTimeout(A_WHILE_MS)
  eventLog.open()
  await isDurable(0, 1, 2, 3, 4, 5)
  t.pass('what could not be stored came again, and the rest behind it')
})

t.test('bytes in flight are bounded, and a message that is larger is taken alone', { skip }, async (t) => {
  const bytesMax = 100_000
  const { listener, eventLog, publish } = await openBridge(t, { messagesMax: 1_000, bytesMax })
  const padded = (n: number, bytes: number) => JSON.stringify(reading(n)) + ' '.repeat(bytes)
  for (let n = 0; n < 5; n++) await publish(padded(n, 40_000))
  await publish(padded(5, bytesMax))
  await until(() => eventLog.waiting === 2)
  await setTimeout(A_WHILE_MS)
  t.equal(eventLog.waiting, 2)
  const bytes = await listener.metric('bridge_in_flight_bytes')
  t.ok(bytes > 80_000 && bytes <= bytesMax, `${bytes} bytes are in flight`)
  eventLog.open()
  await until(async () => (await durable(listener)).has(5))
  t.pass('the large one as well')
})

t.test('what is on its way to the log counts when its connection is gone', { skip }, async (t) => {
  const { eventLog, publish, comeAgain, isDurable } = await openBridge(t, { messagesMax: 3, bytesMax: MIB })
  for (let n = 0; n < 6; n++) await publish(reading(n))
  await until(() => eventLog.waiting === 3)
  await comeAgain()
  await setTimeout(A_WHILE_MS)
  t.equal(eventLog.waiting, 3, 'the next connection has no room of its own')
  eventLog.open()
  await isDurable(0, 1, 2, 3, 4, 5)
})

t.test('an append that fails late leaves the present connection alone', { skip }, async (t) => {
  const { eventLog, publish, acknowledged, connects, comeAgain } = await openBridge(t, { messagesMax: 10, bytesMax: MIB })
  await publish(reading(0))
  await until(() => eventLog.waiting === 1)
  await comeAgain()
  await until(() => eventLog.waiting === 2)
  eventLog.refuse(0)
  await setTimeout(A_WHILE_MS)
  await eventLog.letThrough(0)
  await until(async () => (await acknowledged()) === 1)
  t.equal(await connects(), 2, 'the message is acknowledged on the second one')
})

t.test('an acknowledgement that could not be sent is not counted', { skip }, async (t) => {
  const { listener, eventLog, publish, acknowledged, comeAgain, isDurable } = await openBridge(t, {
    messagesMax: 2,
    bytesMax: MIB,
  })
  await publish(reading(0))
  await publish(reading(1))
  await until(() => eventLog.waiting === 2)
  await comeAgain()
  await eventLog.letThrough(0)
  await eventLog.letThrough(0)
  await isDurable(0, 1)
  t.equal(await acknowledged(), 0, 'they were durable when the connection was gone on which they came')
  eventLog.open()
  await until(async () => (await listener.metric('bridge_in_flight_messages')) === 0)
  await until(async () => (await acknowledged()) === 2)
  t.equal(await listener.metric('bridge_received_total'), 4, 'each came twice')
})
