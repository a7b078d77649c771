import { setTimeout as delay } from 'node:timers/promises'
import { connect, type IPublishPacket, type MqttClient } from 'mqtt'
import { type Acknowledge, createAckOrder } from '../ack-order.ts'
import { createInFlight, type InFlight } from '../in-flight.ts'
import { createBackOff } from './back-off.ts'
import { type BridgeConnection, connectOptions } from './connect-options.ts'
import { takeOverPubacks } from './pubacks.ts'

export interface Delivery {
  readonly topic: string
  readonly payload: Uint8Array
  /** What the broker had kept when we subscribed: nobody has published it now. */
  readonly isRetained: boolean
  /**
   * Called once, when it is durable: it is then acknowledged; or with an error when it can't be: then the connection is broken, so that the broker
   * sends it again. Both only while the connection on which it came is open: on another one the broker has sent it again already.
   */
  settle(error?: Error): void
}

export interface BridgeEvents {
  onDelivery(delivery: Delivery): void
  /** A PUBACK was sent. */
  onAcknowledged(): void
}

export interface BridgeClient {
  readonly client: MqttClient
  /** Received and not settled yet, over all connections. */
  readonly inFlight: Pick<InFlight, 'messages' | 'bytes'>
  /** Breaks the connection, and comes again. */
  startOver(): void
  /** Takes nothing more, waits a little until what is in flight is acknowledged, and leaves. */
  stop(): Promise<void>
}

/** One connection; the next one is another. */
interface Link {
  isOpen: boolean
  /** When the broker let us in. */
  sinceMs: number | undefined
  /** PUBACKs leave in the order in which the messages came [MQTT-4.6.0-2]. */
  readonly order: (acknowledge: Acknowledge) => Acknowledge
}

const DRAIN_MS = 5_000
const LEAVE_MS = 1_000

const openLink = (): Link => ({ isOpen: true, sinceMs: undefined, order: createAckOrder() })
const within = (ms: number, work: Promise<void>): Promise<void> => Promise.race([work, delay(ms, undefined, { ref: false })])

/**
 * Connects, and comes back whenever the connection ends. What is received has room in `to.inFlight` until it is settled, whatever becomes of its connection;
 * where there is no room, the message is not handed back to mqtt.js, and nothing more is read.
 *
 * @throws {MillraceError} `config.invalid` for plain MQTT to another machine.
 */
export function openBridgeClient(to: BridgeConnection, { onDelivery, onAcknowledged }: BridgeEvents): BridgeClient {
  const client = connect(connectOptions(to))
  const sendPuback = takeOverPubacks(client)
  const inFlight = createInFlight(to.inFlight)
  const room = inFlight.open(to.inFlight, () => {
    const next = waiting
    waiting = undefined
    next?.()
  })
  const backOff = createBackOff(Math.random)
  let link = openLink()
  /** Takes the one message for which there was no room. */
  let waiting: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let isStopping = false
  let onDrained: (() => void) | undefined

  function take(on: Link, packet: IPublishPacket, handBack: () => void): void {
    // What mqtt.js had read before its stream ended comes again on the next one.
    if (!on.isOpen || isStopping) return
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
    if (!room.reserve(payload.length)) {
      waiting = () => take(on, packet, handBack)
      return
    }
    const inOrder = on.order((error) => (error === undefined ? acknowledge(on, packet) : breakOff(on)))
    onDelivery({
      topic: packet.topic,
      isRetained: packet.retain,
      payload,
      settle(error) {
        room.release(payload.length)
        inOrder(error)
        if (inFlight.messages === 0) onDrained?.()
      },
    })
    handBack()
  }

  function acknowledge(on: Link, { qos, messageId }: IPublishPacket): void {
    if (!on.isOpen || client.stream.destroyed || qos === 0 || messageId === undefined) return
    sendPuback(messageId)
    onAcknowledged()
  }

  function breakOff(on: Link): void {
    if (!on.isOpen) return
    on.isOpen = false
    client.stream.destroy()
  }

  client.handleMessage = (packet, callback) => take(link, packet, callback)
  client.on('connect', () => {
    link.sinceMs = performance.now()
  })
  client.on('close', () => {
    link.isOpen = false
    waiting = undefined
    onDrained?.()
    if (isStopping) return
    const heldMs = link.sinceMs === undefined ? 0 : performance.now() - link.sinceMs
    timer = setTimeout(() => {
      link = openLink()
      client.reconnect()
    }, backOff(heldMs))
  })
  client.connect()

  return {
    client,
    inFlight,
    startOver: () => breakOff(link),
    async stop() {
      isStopping = true
      clearTimeout(timer)
      const drained = new Promise<void>((resolve) => (onDrained = resolve))
      if (link.isOpen && inFlight.messages > 0) await within(DRAIN_MS, drained)
      await within(LEAVE_MS, client.endAsync())
      client.stream.destroy()
    },
  }
}
