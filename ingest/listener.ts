import type { Duplex } from 'node:stream'
import type { AedesOptions, Client, ConnectPacket, PublishPacket } from 'aedes'
import type { Running } from '../platform/runtime/lifecycle.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { isCleanText } from './clean-text.ts'
import { type Connection, openConnection } from './connection.ts'
import { Door } from './door.ts'
import { createInFlight, type InFlight, type InFlightLimits } from './in-flight.ts'
import type { IngestMetrics } from './metrics.ts'
import { CONNACK_CODES, type ConnectRequest, type Peer, type Policy } from './policy.ts'

/** Where connections come from: TLS in the product, a plain loopback socket in a conformance suite. */
export interface Transport {
  /** Starts to listen. @throws {MillraceError} `listener.unavailable`. */
  listen(onConnection: (socket: Duplex, peer: Peer) => void): Promise<{ readonly port: number; stop(): Promise<void> }>
}

export interface ListenerLimits {
  readonly packetBytesMax: number
  readonly connectBytesMax: number
  readonly connectTimeoutMs: number
  /** A packet must arrive whole within this. */
  readonly packetTimeoutMs: number
  /** A client that asks for a longer keep-alive, or for none, is held to this one. */
  readonly keepAliveMaxSeconds: number
  readonly perConnection: InFlightLimits
  readonly inAll: InFlightLimits
}

export interface ListenerOptions {
  readonly transport: Transport
  readonly policy: Policy
  readonly limits: ListenerLimits
  readonly metrics: IngestMetrics
  readonly log: Logger
}

export interface Listener extends Running {
  readonly port: number
  readonly inFlight: InFlight
}

/** The MQTT 3.1.1 server: aedes speaks the protocol, `policy` decides, and what is consumed is acknowledged only when it is durable. */
export async function startListener({ transport, policy, limits, metrics, log }: ListenerOptions): Promise<Listener> {
  const connections = new Map<Client, Connection>()
  const inFlight = createInFlight(limits.inAll)
  const door = new Door(hooks(), (client) => connections.get(client)?.session?.isConsumed ?? false)

  function hooks(): AedesOptions {
    return {
      concurrency: 1_000,
      queueLimit: limits.perConnection.messagesMax,
      connectTimeout: limits.connectTimeoutMs,
      maxClientsIdLength: 256,
      preConnect: (client, packet, done) =>
        void connect(client, packet).then(
          () => done(null, true),
          (error) => done(error, false),
        ),
      authenticate(client, _username, _password, done) {
        const refusal = connections.get(client)?.refusal
        if (refusal === undefined) return done(null, true)
        done(Object.assign(new Error(refusal.reason), { returnCode: refusal.code }), false)
      },
      authorizePublish: (client, packet, done) => publish(client, packet, done),
      authorizeSubscribe(client, subscription, done) {
        const isAllowed = isCleanText(subscription.topic) && connections.get(client)?.session?.maySubscribe(subscription.topic)
        if (!isAllowed) metrics.refused('subscribe-forbidden')
        done(null, isAllowed ? subscription : null)
      },
    }
  }

  async function connect(client: Client, packet: ConnectPacket): Promise<void> {
    const connection = connections.get(client)
    if (connection === undefined) throw new Error('The connection is gone.')
    const { clientId, will } = packet
    const request: ConnectRequest = {
      clientId,
      ...(will && { will: { topic: will.topic, isRetained: will.retain ?? false, qos: will.qos ?? 0 } }),
    }
    const isClean = isCleanText(clientId) && (will === undefined || isCleanText(will.topic))
    await connection.admit(
      isClean
        ? policy.admit(connection.peer, request)
        : { isAdmitted: false, code: CONNACK_CODES.identifierRejected, reason: 'text-not-clean' },
    )
    if (connection.session) packet.clientId = connection.session.clientId
    if (connection.refusal) metrics.refused(connection.refusal.reason)
    packet.keepalive = Math.min(packet.keepalive || limits.keepAliveMaxSeconds, limits.keepAliveMaxSeconds)
  }

  function publish(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const connection = client === null ? undefined : connections.get(client)
    if (connection === undefined) return done(new Error('Nobody is known to have published this.'))
    const refusal = connection.publish(packet, done)
    if (refusal === undefined) return
    metrics.refused(refusal)
    log.warn({ reason: refusal, peer: connection.peer.address }, 'Publish refused, connection closed.')
    done(new Error(refusal))
  }

  function accept(socket: Duplex, peer: Peer): void {
    const connection = openConnection({ socket, peer, limits, inFlight }, (fault) => {
      metrics.refused(fault)
      log.warn({ reason: fault, peer: peer.address }, 'Connection closed.')
    })
    const client = door.handle(connection.socket)
    connections.set(client, connection)
    metrics.connections(connections.size)
    socket.once('close', () => {
      connection.close()
      connections.delete(client)
      metrics.connections(connections.size)
    })
  }

  door.on('clientReady', (client) => connections.get(client)?.opened())
  door.on('clientError', (client, error) =>
    log.debug({ clientId: client.id, error: error.message }, 'Connection ended with an error.'),
  )
  door.on('connectionError', (_, error) => log.debug({ error: error.message }, 'Connection ended before CONNECT.'))

  await door.listen()
  const sweep = setInterval(() => {
    for (const connection of connections.values()) connection.endIfStuck(limits.packetTimeoutMs)
  }, 1_000)
  const server = await transport.listen(accept)

  return {
    name: 'mqtt-listener',
    port: server.port,
    inFlight,
    async stop() {
      clearInterval(sweep)
      const stopped = server.stop()
      await Promise.all([...connections.values()].map((connection) => connection.drain()))
      await new Promise<void>((resolve) => door.close(resolve))
      await stopped
    },
  }
}
