import type { Duplex } from 'node:stream'
import type { AedesOptions, Client, ConnectPacket, PublishPacket } from 'aedes'
import type { Running } from '../platform/runtime/lifecycle.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { isCleanText } from './clean-text.ts'
import { type Connection, isWill, openConnection } from './connection.ts'
import { Door } from './door.ts'
import { createInFlight, type InFlight, type InFlightLimits } from './in-flight.ts'
import type { IngestMetrics } from './metrics.ts'
import { CONNACK_CODES, type ConnectRefusal, type ConnectRequest, type Peer, type Policy, type Session } from './policy.ts'

/** Where connections come from: TLS in the product, a plain loopback socket in a conformance suite. */
export interface Transport {
  /** Starts to listen. @throws {MillraceError} `listener.unavailable`. */
  listen(onConnection: OnConnection, onRefused: OnRefused): Promise<{ readonly port: number; stop(): Promise<void> }>
}

export type OnConnection = (socket: Duplex, peer: Peer) => void
/** Told of each connection that the transport closes itself; `reason` is from a closed list. */
export type OnRefused = (reason: string, address: string) => void

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

/** How late a silent client, or a packet that takes too long, may be noticed. */
const SWEEP_EVERY_MS = 500

/** What aedes says when it is the client's time that is up; all else it says is about the protocol. */
const REASONS: Readonly<Record<string, string>> = {
  'connect did not arrive in time': 'connect-timeout',
  'drain timeout': 'acknowledgements-not-read',
}

const UNREMARKABLE: ReadonlySet<string> = new Set(['tls-handshake', 'tls-timeout', 'connect-timeout'])

/** The MQTT 3.1.1 server: aedes speaks the protocol, `policy` decides, and what is consumed is acknowledged only when it is durable. */
export async function startListener({ transport, policy, limits, metrics, log }: ListenerOptions): Promise<Listener> {
  const connections = new Map<Client, Connection>()
  const inFlight = createInFlight(limits.inAll)
  /** A will is published after its connection is gone. */
  const publishers = new WeakMap<Client, Connection>()
  const told = new WeakSet<Error>()
  const maySubscribe = (client: Client, filter: string): boolean => connections.get(client)?.subscribe(filter) ?? false
  const isConsumed = (client: Client): boolean => publishers.get(client)?.session?.isConsumed ?? false
  const door = new Door(hooks(), { isConsumed, maySubscribe })

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
        done(Object.assign(refused(refusal.reason), { returnCode: refusal.code }), false)
      },
      authorizePublish: (client, packet, done) => publish(client, packet, done),
      authorizeSubscribe(client, subscription, done) {
        const isAllowed = maySubscribe(client, subscription.topic)
        if (!isAllowed) metrics.refused('subscribe-forbidden')
        done(null, isAllowed ? subscription : null)
      },
      // Once more for each message: a session's filters are older than its present connection.
      authorizeForward: (client, packet) => (connections.get(client)?.mayHear(packet.topic) ? packet : null),
    }
  }

  function admit({ peer }: Connection, { clientId, clean, will }: ConnectPacket): Promise<Session | ConnectRefusal> {
    const refuse = async (reason: string): Promise<ConnectRefusal> => ({
      isAdmitted: false,
      code: CONNACK_CODES.identifierRejected,
      reason,
    })
    if (!isCleanText(clientId) || (will !== undefined && !isCleanText(will.topic))) return refuse('text-not-clean')
    // [MQTT-3.1.3-8]: nobody could ask for that session again.
    if (clientId === '' && !clean) return refuse('client-id-missing')
    const request: ConnectRequest = {
      clientId,
      ...(will && { will: { topic: will.topic, isRetained: will.retain ?? false, qos: will.qos ?? 0 } }),
    }
    return policy.admit(peer, request).catch((error: unknown) => {
      log.error({ err: error }, 'Nobody can be admitted; gateways are told to try again later.')
      return { isAdmitted: false, code: CONNACK_CODES.serverUnavailable, reason: 'policy-unavailable' } as const
    })
  }

  async function connect(client: Client, packet: ConnectPacket): Promise<void> {
    const connection = connections.get(client)
    if (connection === undefined) throw refused('connection-gone')
    await connection.admit(admit(connection, packet))
    if (connection.session) packet.clientId = connection.session.clientId
    if (connection.refusal) metrics.refused(connection.refusal.reason)
    connection.keepAlive(Math.min(packet.keepalive || limits.keepAliveMaxSeconds, limits.keepAliveMaxSeconds))
    // aedes' own count would run on while it is we who leave the client's packets unread.
    packet.keepalive = 0
  }

  function publish(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const connection = client === null ? undefined : publishers.get(client)
    if (connection === undefined) return done(refused('connection-gone'))
    const refusal = connection.publish(packet, (error) => {
      if (error) told.add(error)
      done(error)
    })
    if (refusal === undefined) return
    metrics.refused(refusal)
    if (!isWill(packet))
      log.warn(
        { reason: refusal, peer: connection.peer.address, client: connection.session?.clientId },
        'Publish refused, connection closed.',
      )
    done(refused(refusal))
  }

  /** Tells what aedes closes by itself; what was refused here has been told, and a lost line is no news. */
  function ended(client: Client, error: Error): void {
    log.debug({ clientId: client.id, error: error.message }, 'Connection ended with an error.')
    if (told.has(error) || 'code' in error) return
    const reason = REASONS[error.message] ?? 'protocol-error'
    turnedAway(reason, publishers.get(client)?.peer.address ?? '')
  }

  function turnedAway(reason: string, address: string): void {
    metrics.refused(reason)
    // A handshake that just ends is a scanner's, or a line that broke, and there may be thousands of them.
    if (UNREMARKABLE.has(reason)) log.debug({ reason, peer: address }, 'Connection closed.')
    else log.warn({ reason, peer: address }, 'Connection closed.')
  }

  function refused(reason: string): Error {
    const error = new Error(reason)
    told.add(error)
    return error
  }

  function accept(socket: Duplex, peer: Peer): void {
    const connection = openConnection({ socket, peer, limits, inFlight }, (fault) => turnedAway(fault, peer.address))
    const client = door.handle(connection.socket)
    connections.set(client, connection)
    publishers.set(client, connection)
    metrics.connections(connections.size)
    socket.once('close', () => {
      connection.close()
      connections.delete(client)
      metrics.connections(connections.size)
    })
  }

  door.on('clientReady', (client) => connections.get(client)?.opened())
  door.on('clientError', ended)
  door.on('connectionError', ended)
  // Without a listener, an error of the broker's own would end the process.
  door.addListener('error', (error: Error) => log.error({ err: error }, 'The broker had an error of its own.'))

  await door.listen()
  const sweep = setInterval(() => {
    for (const connection of connections.values()) connection.endIfStuck(limits.packetTimeoutMs)
  }, SWEEP_EVERY_MS)
  const server = await transport.listen(accept, turnedAway)

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
