/** Why a connection must be closed at once: its bytes are not MQTT, or more than we take. */
export type FrameFault = 'malformed-packet' | 'packet-too-large' | 'not-connect-first'

export interface FrameGuardOptions {
  /** Largest packet after CONNECT, without its fixed header, bytes. */
  readonly packetBytesMax: number
  readonly connectBytesMax: number
  /** Asked with the length of each PUBLISH before its body is read; false means: not now. */
  readonly reserve: (bytes: number) => boolean
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
}

const CONNECT = 1
const PUBLISH = 3
const DISCONNECT = 14
/** Fixed flags of each packet type, MQTT 3.1.1 table 2.2; PUBLISH carries its own. */
const FLAGS_2 = new Set([6, 8, 10])
/** The remaining length has at most four bytes, MQTT 3.1.1 2.2.3. */
const LENGTH_SHIFT_MAX = 21

/**
 * Follows the frames of a connection by their fixed headers alone, so that a packet that is too large is refused when its length arrives, not
 * when its body has been gathered; and so that nothing is read that there is no room for.
 */
export function createFrameGuard({ packetBytesMax, connectBytesMax, reserve }: FrameGuardOptions): FrameGuard {
  let fault: FrameFault | undefined
  let type = 0
  /** What comes next: a type byte, length bytes, room for the body, or the body. */
  let expects: 'type' | 'length' | 'room' | 'body' = 'type'
  let length = 0
  let shift = 0
  let isFirst = true

  function readType(byte: number): void {
    type = byte >> 4
    const flags = byte & 0x0f
    const isSound =
      type === PUBLISH ? (flags & 0b0110) !== 0b0110 && (flags & 0b1110) !== 0b1000 : flags === (FLAGS_2.has(type) ? 2 : 0)
    if (!isSound || type < CONNECT || type > DISCONNECT) fault = 'malformed-packet'
    else if (isFirst && type !== CONNECT) fault = 'not-connect-first'
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
    if (length > (type === CONNECT ? connectBytesMax : packetBytesMax)) fault = 'packet-too-large'
    expects = type === PUBLISH ? 'room' : 'body'
    isFirst = false
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
        index += taken
        if (length > 0) return index
        expects = 'type'
      }
      const byte = chunk[index]
      if (byte === undefined) return index
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
    get isPartial() {
      return expects !== 'type'
    },
  }
}
