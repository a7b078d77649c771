import type { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type { PublishPacket } from 'aedes'
import type { Acknowledge } from './ack-order.ts'
import { isCleanText } from './clean-text.ts'
import { createFrameGuard, type FrameFault } from './frame-guard.ts'
import type { InFlight, InFlightLimits } from './in-flight.ts'
import { checkPacket } from './packet-rules.ts'
import { createPartGatherer } from './part-gatherer.ts'
import { CONNACK_CODES, type ConnectRefusal, connackBytes, type Peer, type Session } from './policy.ts'
import { createSilence } from './silence.ts'
import { createTakePlain } from './take-plain.ts'
import { createUnacknowledged } from './unacknowledged.ts'

export interface ConnectionLimits {
  readonly packetBytesMax: number
  readonly connectBytesMax: number
  readonly perConnection: InFlightLimits
}

export interface ConnectionOptions {
  readonly socket: Duplex
  readonly peer: Peer
  readonly limits: ConnectionLimits
  readonly inFlight: InFlight
}

export interface Connection {
  readonly socket: Duplex
  readonly peer: Peer
  readonly session: Session | undefined
  readonly refusal: ConnectRefusal | undefined
  /** Settles who the peer is, once. */
  admit(outcome: Promise<Session | ConnectRefusal> | ConnectRefusal): Promise<void>
  opened(): void
  /** How often the peer says that it will speak. */
  keepAlive(seconds: number): void
  /** @returns why the message isn't allowed; otherwise `done` is called once it may be acknowledged. */
  publish(packet: PublishPacket, done: Acknowledge): string | undefined
  /** Whether what is published to this topic, or matches this filter, may be sent to the peer. */
  mayHear(filter: string): boolean
  /** @returns false when the subscription is refused. */
  subscribe(filter: string): boolean
  /** Ends the connection when a packet takes longer than this, or the peer was silent for one and a half times its keep-alive. */
  endIfStuck(packetTimeoutMs: number): void
  /** Reads nothing more; resolves when all that was read is durable and acknowledged, or the connection is gone. */
  drain(): Promise<void>
  close(): void
}

const FLUSH_TIMEOUT_MS = 2_000
/** Different filters over the life of a connection. Each takes memory for as long as the session lives. */
const SUBSCRIPTIONS_MAX = 100

type Fault = FrameFault | 'packet-timeout' | 'keep-alive-timeout'

/** aedes hands a will over as CONNECT held it; only what came as a packet of its own has a length, and has been given room. */
export const isWill = (packet: PublishPacket): boolean => packet.length === undefined

/** The parser reads a packet id that isn't there out of the next packet. */
const isCutShort = ({ topic, qos, length }: PublishPacket): boolean =>
  qos > 0 && length !== undefined && length < 2 + Buffer.byteLength(topic) + 2

/** One socket: what is read from it is guarded and bounded, what it publishes is acknowledged in order. */
export function openConnection(
  { socket, peer, limits, inFlight }: ConnectionOptions,
  onFault: (fault: Fault) => void,
): Connection {
  let session: Session | undefined
  let refusal: ConnectRefusal | undefined
  let isClosed = false
  let isDraining = false
  /** CONNECT has been answered. Packets that came with it wait until then: aedes would handle some of them before it knows who sent them. */
  let isOpen = false
  /** Bytes were put back, because they may not go on yet. Nothing is read until `wake`. */
  let isBlocked = false
  /** The bytes that are read next have been put back before. */
  let wasBlocked = false
  let isWakeDue = false
  const filters = new Set<string>()

  const silence = createSilence()
  const allowance = inFlight.open(limits.perConnection, wake)
  const guard = createFrameGuard({ ...limits, reserve: allowance.reserve, isOpen: () => isOpen, checkPacket })
  const parts = createPartGatherer()
  const unacknowledged = createUnacknowledged(allowance.release)
  const takePlain = createTakePlain(socket, unacknowledged)
  const read = socket.read.bind(socket)
  // aedes takes what it parses by calling `read`, and tries again on `readable`: so this is where reading is held back.
  socket.read = readAdmitted

  function readAdmitted(size?: number): Uint8Array | null {
    if (isDraining || isBlocked) return null
    const chunk: unknown = read(size)
    if (!(chunk instanceof Uint8Array)) return null
    const { packets, isPartial } = guard
    const admitted = guard.admit(chunk)
    if (guard.fault !== undefined) {
      end(guard.fault)
      return null
    }
    silence.heard({ isPartial: guard.isPartial, isFresh: wasBlocked || guard.packets !== packets })
    wasBlocked = admitted < chunk.length
    if (wasBlocked) putBack(chunk.subarray(admitted))
    const taken = isPartial || !isOpen || session === undefined ? 0 : takePlain(session, chunk.subarray(0, admitted))
    if (admitted === taken) return null
    return parts.add(chunk.subarray(taken, admitted), guard.isPartial && guard.packets === packets) ?? null
  }

  /** Into the stream and not kept here: its end must not be told before its last bytes have been read. */
  function putBack(rest: Uint8Array): void {
    isBlocked = true
    socket.unshift(rest)
  }

  function wake(): void {
    isBlocked = false
    if (isWakeDue || isClosed) return
    isWakeDue = true
    setImmediate(() => {
      isWakeDue = false
      if (!isClosed) socket.emit('readable')
    })
  }

  function end(fault: Fault): void {
    if (isClosed) return
    onFault(fault)
    // [MQTT-3.1.2-2]: the one mistake that is answered, so that a client of MQTT 5 knows to try again with 3.1.1.
    if (fault === 'protocol-level') socket.write(connackBytes(CONNACK_CODES.protocolLevel))
    socket.destroy()
  }

  function publish(packet: PublishPacket, done: Acknowledge): string | undefined {
    const { topic, qos, retain, messageId, payload } = packet
    if (session === undefined) return 'not-connected'
    if (messageId !== undefined && messageId < 1) return 'packet-id-zero'
    if (!isCleanText(topic)) return 'text-not-clean'
    if (isCutShort(packet)) return 'malformed-packet'
    if (isDraining && isWill(packet)) return 'listener-stopping'
    const refused = session.refusePublish({ topic, qos, isRetained: retain })
    if (refused !== undefined) return refused
    // [MQTT-3.3.1-3]: that a client sends again is between it and us.
    packet.dup = false
    const durable = unacknowledged.add(packet.length, done)
    if (session.isConsumed) session.consume(typeof payload === 'string' ? Buffer.from(payload) : payload, durable)
    else durable()
    return undefined
  }

  const mayHear = (filter: string): boolean => isCleanText(filter) && (session?.maySubscribe(filter) ?? false)

  function subscribe(filter: string): boolean {
    if (!mayHear(filter) || (filters.size === SUBSCRIPTIONS_MAX && !filters.has(filter))) return false
    filters.add(filter)
    return true
  }

  return {
    socket,
    peer,
    mayHear,
    subscribe,
    get session() {
      return session
    },
    get refusal() {
      return refusal
    },
    publish,
    async admit(outcome) {
      const result = await outcome
      if (!result.isAdmitted) refusal = result
      else if (isClosed) result.closed()
      else session = result
    },
    opened() {
      isOpen = true
      session?.opened(() => socket.destroy())
      wake()
    },
    keepAlive: silence.keepAlive,
    endIfStuck(packetTimeoutMs) {
      if (isBlocked || socket.readableLength > 0) return silence.excuse()
      const fault = silence.fault(packetTimeoutMs)
      if (fault !== undefined) end(fault)
    },
    async drain() {
      isDraining = true
      await unacknowledged.none()
      // The last acknowledgements must have left, or the gateway sends those messages again; but a peer that reads nothing is not waited for.
      if (!isClosed)
        await Promise.race([
          new Promise<void>((resolve) => socket.end(resolve)),
          setTimeout(FLUSH_TIMEOUT_MS, undefined, { ref: false }),
        ])
      // Nor is it waited for that the peer says goodbye in its turn.
      socket.destroy()
    },
    close() {
      if (isClosed) return
      isClosed = true
      allowance.close(unacknowledged.withRoom)
      session?.closed()
      unacknowledged.abandon()
    },
  }
}
