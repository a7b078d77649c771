import type { PacketFault } from './packet-rules.ts'

/** Why a connection must be closed at once: its bytes are not MQTT, or more than we take. */
export type FrameFault = PacketFault | 'packet-too-large' | 'not-connect-first'

export interface FrameGuardOptions {
  /** Largest PUBLISH, without its fixed header, bytes. */
  readonly packetBytesMax: number
  /** The same of CONNECT, and of every other packet: none of them has a reason to be larger. */
  readonly connectBytesMax: number
  /** Asked with the length of each PUBLISH before its body is read; false means: not now. */
  readonly reserve: (bytes: number) => boolean
  /** Asked behind CONNECT; false means that nothing more may go on yet. Left out, it always may. */
  readonly isOpen?: () => boolean
  /** Asked about every other packet once its body is here; left out, bodies are not looked at. */
  readonly checkPacket?: (type: number, body: Uint8Array) => PacketFault | undefined
}

export interface FrameGuard {
  /**
   * Looks at the bytes that have arrived, before the parser gets them.
   * @returns how many of them may go on now; the rest must be offered again when there is room.
   */
  admit(chunk: Uint8Array): number
  /** Set when the connection must be closed. */
  readonly fault: FrameFault | undefined
  /** True in the middle of a packet. */
  readonly isPartial: boolean
  /** How many packets have begun. */
  readonly packets: number
}

const CONNECT = 1
const PUBLISH = 3
/** Fixed flags of each packet type that a client may send, MQTT 3.1.1 tables 2.1 and 2.2; PUBLISH carries its own. */
const FLAGS: ReadonlyMap<number, number> = new Map([
  [CONNECT, 0],
  [4, 0],
  [5, 0],
  [6, 2],
  [7, 0],
  [8, 2],
  [10, 2],
  [12, 0],
  [14, 0],
])
/** The remaining length has at most four bytes, MQTT 3.1.1 2.2.3. */
const LENGTH_SHIFT_MAX = 21
const NOTHING = new Uint8Array(0)

/**
 * Follows the frames of a connection by their fixed headers alone, so that a packet that is too large is refused when its length arrives, not
 * when its body has been gathered; and so that nothing is read that there is no room for.
 */
export function createFrameGuard({
  packetBytesMax,
  connectBytesMax,
  reserve,
  isOpen,
  checkPacket,
}: FrameGuardOptions): FrameGuard {
  let fault: FrameFault | undefined
  let type = 0
  /** What comes next: a type byte, length bytes, room for the body, or the body. */
  let expects: 'type' | 'length' | 'room' | 'body' = 'type'
  let length = 0
  let shift = 0
  let packets = 0
  /** The body of a packet that is to be checked, as far as it is here; its limit is small. */
  let body: Uint8Array = NOTHING

  function readType(byte: number): void {
    packets++
    type = byte >> 4
    const flags = byte & 0x0f
    const isSound = type === PUBLISH ? (flags & 0b0110) !== 0b0110 && (flags & 0b1110) !== 0b1000 : flags === FLAGS.get(type)
    if (!isSound) fault = 'malformed-packet'
    else if (packets === 1 && type !== CONNECT) fault = 'not-connect-first'
    expects = 'length'
    length = 0
    shift = 0
  }

  function readLength(byte: number): void {
    length += (byte & 0x7f) * 2 ** shift
    if (byte >= 0x80) {
      if (shift === LENGTH_SHIFT_MAX) fault = 'malformed-packet'
      shift += 7
      return
    }
    if (length > (type === PUBLISH ? packetBytesMax : connectBytesMax)) fault = 'packet-too-large'
    expects = type === PUBLISH ? 'room' : 'body'
  }

  function gather(part: Uint8Array): void {
    body = body.length === 0 ? part : Buffer.concat([body, part])
    if (length > 0) return
    fault = checkPacket?.(type, body)
    body = NOTHING
  }

  function admit(chunk: Uint8Array): number {
    let index = 0
    while (fault === undefined) {
      if (expects === 'room') {
        if (!reserve(length)) return index
        expects = 'body'
      }
      if (expects === 'body') {
        const taken = Math.min(length, chunk.length - index)
        length -= taken
        if (type !== PUBLISH && checkPacket !== undefined) gather(chunk.subarray(index, index + taken))
        index += taken
        if (length > 0) return index
        expects = 'type'
        if (fault !== undefined) return 0
      }
      const byte = chunk[index]
      if (byte === undefined || (packets === 1 && expects === 'type' && isOpen?.() === false)) return index
      index++
      if (expects === 'type') readType(byte)
      else readLength(byte)
    }
    return 0
  }

  return {
    admit,
    get fault() {
      return fault
    },
    get packets() {
      return packets
    },
    get isPartial() {
      return expects !== 'type'
    },
  }
}
