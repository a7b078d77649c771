import { Writable } from 'node:stream'
import mqtt, { type Packet } from 'mqtt-packet'

type WriteToStream = typeof mqtt.writeToStream

/** MQTT 3.1.1, 3.4: type and flags, the remaining length, the packet id. */
const PUBACK_BYTES = 4
const PUBACK_HEADER = 0x4002

/**
 * Makes what aedes writes most cheap. A group commit releases many PUBACKs of a connection at once: they become one piece of memory and one
 * TLS record, instead of three writes each. It also keeps mqtt-packet from making 65,536 buffers for all packet ids, 12 MB.
 *
 * aedes calls `mqtt.writeToStream`, so that is where this goes in.
 */
export function writePubacksTogether(): void {
  const writeOther = mqtt.writeToStream
  Object.assign(writeOther, { cacheNumbers: false })
  const writeToStream = (...[packet, stream, options]: Parameters<WriteToStream>): boolean => {
    if (!(stream instanceof Writable)) return writeOther(packet, stream, options)
    if (isPuback(packet, options)) return writePuback(stream, packet.messageId ?? 0)
    // What was answered first is read first.
    flush(stream)
    return writeOther(packet, stream, options)
  }
  Object.assign(mqtt, { writeToStream })
}

/** Those of MQTT 5 say more, and come with options. */
const isPuback = (packet: Packet, options: object | undefined): boolean => packet.cmd === 'puback' && options === undefined

const waiting = new WeakMap<Writable, number[]>()

/** Acknowledges a message together with others. @returns false when the peer doesn't read: its next message must wait. */
export function writePuback(stream: Writable, packetId: number): boolean {
  const ids = waiting.get(stream)
  if (ids !== undefined) ids.push(packetId)
  else {
    waiting.set(stream, [packetId])
    // A microtask runs behind those of the messages that became durable together, and before the stream can be ended by who waited for them.
    queueMicrotask(() => flush(stream))
  }
  return !stream.writableNeedDrain
}

function flush(stream: Writable): void {
  const ids = waiting.get(stream)
  waiting.delete(stream)
  if (ids === undefined || !stream.writable) return
  const bytes = Buffer.allocUnsafe(PUBACK_BYTES * ids.length)
  for (const [index, id] of ids.entries()) {
    bytes.writeUInt16BE(PUBACK_HEADER, index * PUBACK_BYTES)
    bytes.writeUInt16BE(id, index * PUBACK_BYTES + 2)
  }
  stream.write(bytes)
}
