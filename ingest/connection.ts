import type { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type { PublishPacket } from 'aedes'
import { type Acknowledge, createAckOrder } from './ack-order.ts'
import { isCleanText } from './clean-text.ts'
import { createFrameGuard, type FrameFault } from './frame-guard.ts'
import type { InFlight, InFlightLimits } from './in-flight.ts'
import type { ConnectRefusal, Peer, Session } from './policy.ts'

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
  /** @returns why the message isn't allowed; otherwise `done` is called once it may be acknowledged. */
  publish(packet: PublishPacket, done: Acknowledge): string | undefined
  endIfStuck(packetTimeoutMs: number): void
  /** Reads nothing more; resolves when all that was read is durable and acknowledged, or the connection is gone. */
  drain(): Promise<void>
  close(): void
}

const FLUSH_TIMEOUT_MS = 2_000

type Fault = FrameFault | 'packet-timeout'

/** One socket: what is read from it is guarded and bounded, what it publishes is acknowledged in order. */
export function openConnection(
  { socket, peer, limits, inFlight }: ConnectionOptions,
  onFault: (fault: Fault) => void,
): Connection {
  let session: Session | undefined
  let refusal: ConnectRefusal | undefined
  let unacknowledged = 0
  let isClosed = false
  let isDraining = false
  let onDrained: (() => void) | undefined
  let partialSinceMs: number | undefined
  /** Bytes that were read but not let in. While there are any, nothing more is read. */
  let held: Uint8Array | undefined
  let isWakeDue = false

  const allowance = inFlight.open(limits.perConnection, wake)
  const guard = createFrameGuard({ ...limits, reserve: allowance.reserve })
  const order = createAckOrder()
  const read = socket.read.bind(socket)
  // aedes takes what it parses by calling `read`, and tries again on `readable`: so this is where reading is held back.
  socket.read = readAdmitted

  function readAdmitted(size?: number): Uint8Array | null {
    if (isDraining) return null
    const chunk: unknown = held ?? read(size)
    held = undefined
    if (!(chunk instanceof Uint8Array)) return null
    const admitted = guard.admit(chunk)
    if (guard.fault !== undefined) {
      end(guard.fault)
      return null
    }
    partialSinceMs = guard.isPartial ? (partialSinceMs ?? performance.now()) : undefined
    if (admitted < chunk.length) held = chunk.subarray(admitted)
    return admitted === 0 ? null : chunk.subarray(0, admitted)
  }

  function wake(): void {
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
    socket.destroy()
  }

  function settle(bytes: number, acknowledge: Acknowledge): Acknowledge {
    const inOrder = order(acknowledge)
    return (error) => {
      unacknowledged--
      if (!isClosed) allowance.release(bytes)
      inOrder(error)
      if (unacknowledged === 0) onDrained?.()
    }
  }

  function publish(packet: PublishPacket, done: Acknowledge): string | undefined {
    const { topic, qos, retain, messageId, payload } = packet
    if (session === undefined) return 'not-connected'
    if (qos === 1 && (messageId ?? 0) === 0) return 'packet-id-zero'
    if (!isCleanText(topic)) return 'text-not-clean'
    const refused = session.refusePublish({ topic, qos, isRetained: retain })
    if (refused !== undefined) return refused
    unacknowledged++
    const durable = settle(packet.length ?? 0, done)
    if (session.isConsumed) session.consume(typeof payload === 'string' ? Buffer.from(payload) : payload, durable)
    else durable()
    return undefined
  }

  return {
    socket,
    peer,
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
    opened: () => session?.opened(() => socket.destroy()),
    endIfStuck(packetTimeoutMs) {
      // While we hold bytes back, it is we who are slow.
      if (held === undefined && partialSinceMs !== undefined && performance.now() - partialSinceMs > packetTimeoutMs)
        end('packet-timeout')
    },
    async drain() {
      isDraining = true
      if (unacknowledged > 0 && !isClosed) await new Promise<void>((resolve) => (onDrained = resolve))
      // The last acknowledgements must have left, or the gateway sends those messages again; but a peer that reads nothing is not waited for.
      if (!isClosed)
        await Promise.race([
          new Promise<void>((resolve) => socket.end(resolve)),
          setTimeout(FLUSH_TIMEOUT_MS, undefined, { ref: false }),
        ])
    },
    close() {
      if (isClosed) return
      isClosed = true
      allowance.close()
      session?.closed()
      onDrained?.()
    },
  }
}
