import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { isLoopback } from '../../platform/runtime/loopback.ts'

export interface BridgeConnection {
  readonly url: string
  readonly clientId: string
  readonly protocol: '3.1.1' | '5'
  readonly caPem?: string
  readonly certificatePem?: string
  readonly privateKeyPem?: string
  readonly username?: string
  readonly password?: string
  readonly inFlightMax: number
}

/** A message, and how it is acknowledged. */
export interface Delivery {
  readonly topic: string
  readonly payload: Uint8Array
  /** Once it is durable. Does nothing where the connection is another one by now: the broker sends it again there. */
  acknowledge(): void
}

export interface BridgeClient {
  readonly client: MqttClient
  /** Breaks the connection, and comes again: the broker sends again what was not acknowledged. */
  startOver(): void
}

interface Held {
  readonly messageId: number | undefined
  isDurable: boolean
  /** Sends it, once mqtt.js has made it. */
  puback: (() => void) | undefined
}

const COME_BACK_MS = 500
const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_SECONDS = 30
/** The broker keeps what we have not acknowledged at least this long while we are away. */
const SESSION_EXPIRY_SECONDS = 7 * 86_400

/**
 * Connects with a session that outlives the connection. mqtt.js takes the next message only once the last was handed back by `handleMessage`: to
 * wait there for the event log would be one message a flush. So it is handed back at once, and the PUBACK that mqtt.js then sends is held
 * until the message is durable; past `inFlightMax` it is not handed back, and nothing more is read.
 *
 * @throws {MillraceError} `config.invalid` for plain MQTT to another machine.
 */
export function openBridgeClient(to: BridgeConnection, onDelivery: (delivery: Delivery) => void): BridgeClient {
  const client = connect(optionsOf(to))
  /** Of the connection that is open now: PUBACKs leave in the order in which the messages came [MQTT-4.6.0-2]. */
  let order: Held[] = []
  let waiting: (() => void)[] = []
  let inFlight = 0

  const send: (packet: object, done?: () => void, ...rest: unknown[]) => void = Reflect.get(client, '_sendPacket').bind(client)
  Reflect.set(client, '_sendPacket', (packet: { cmd: string; messageId?: number }, done?: () => void, ...rest: unknown[]) => {
    if (packet.cmd !== 'puback' || packet.messageId === undefined) return send(packet, done, ...rest)
    const own = order.findLast(({ messageId }) => messageId === packet.messageId)
    if (own !== undefined) own.puback = () => send(packet)
    done?.()
  })

  client.handleMessage = (packet, callback) => {
    inFlight++
    const delivery = toDelivery(packet)
    if (inFlight < to.inFlightMax) callback()
    else waiting.push(callback)
    onDelivery(delivery)
  }
  // What still waits belongs to a stream that is gone: handed back, it would be acknowledged on the next one.
  const forget = (): void => {
    order = []
    waiting = []
    inFlight = 0
  }
  client.on('close', forget)
  client.on('connect', forget)

  function toDelivery({ topic, payload, messageId, qos }: IPublishPacket): Delivery {
    const connection = order
    const held: Held = { messageId: qos === 0 ? undefined : messageId, isDurable: false, puback: undefined }
    connection.push(held)
    return {
      topic,
      payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
      acknowledge() {
        if (connection !== order) return
        held.isDurable = true
        inFlight--
        waiting.shift()?.()
        while (connection[0]?.isDurable) connection.shift()?.puback?.()
      },
    }
  }

  return { client, startOver: () => client.stream.destroy() }
}

function optionsOf(to: BridgeConnection): IClientOptions {
  const { protocol, hostname, port } = new URL(to.url)
  const isPlain = protocol === 'mqtt:'
  if (isPlain && !isLoopback(hostname))
    throw new MillraceError(
      'config.invalid',
      `The bridge would speak to ${hostname} without TLS. Use mqtts:// in MILLRACE_BRIDGE_URL.`,
    )
  return {
    protocol: isPlain ? 'mqtt' : 'mqtts',
    host: hostname,
    port: Number(port),
    clientId: to.clientId,
    protocolVersion: to.protocol === '5' ? 5 : 4,
    clean: false,
    resubscribe: false,
    keepalive: KEEP_ALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: COME_BACK_MS,
    reconnectOnConnackError: true,
    ...(to.protocol === '5' && {
      properties: { sessionExpiryInterval: SESSION_EXPIRY_SECONDS, receiveMaximum: to.inFlightMax },
    }),
    ...(!isPlain && { minVersion: 'TLSv1.3' as const, rejectUnauthorized: true }),
    ...(to.caPem !== undefined && { ca: to.caPem }),
    ...(to.certificatePem !== undefined && { cert: to.certificatePem }),
    ...(to.privateKeyPem !== undefined && { key: to.privateKeyPem }),
    ...(to.username !== undefined && { username: to.username }),
    ...(to.password !== undefined && { password: to.password }),
  }
}
