import { isUtf8 } from 'node:buffer'
import { asBuffer } from '../schemas/as-buffer.ts'

/** `protocol-level`: it may be sound, in another version of MQTT than ours. */
export type PacketFault = 'malformed-packet' | 'protocol-level'

const CONNECT = 1
const SUBSCRIBE = 8
const UNSUBSCRIBE = 10
const ACKNOWLEDGEMENTS: ReadonlySet<number> = new Set([4, 5, 6, 7])
/** MQTT 3.1.1, and 3.1, which old devices still speak. */
const LEVELS: Readonly<Record<string, number>> = { MQTT: 4, MQIsdp: 3 }

/**
 * Whether a packet other than PUBLISH is one that MQTT 3.1.1 allows, to its last byte. The parser behind this is lenient: it lets wrong flags,
 * packet ids of 0, ill-formed UTF-8 and missing or surplus bytes through, and may read a short packet's fields out of the next one.
 *
 * @param body  All behind the fixed header.
 */
export function checkPacket(type: number, body: Uint8Array): PacketFault | undefined {
  if (type === CONNECT) return checkConnect(createFields(body))
  return isSound(type, createFields(body)) ? undefined : 'malformed-packet'
}

function isSound(type: number, fields: Fields): boolean {
  if (type === SUBSCRIBE) return isSoundList(fields, () => (fields.byte() ?? 3) <= 2)
  if (type === UNSUBSCRIBE) return isSoundList(fields, () => true)
  // What is left are PINGREQ and DISCONNECT, which have no body.
  return (!ACKNOWLEDGEMENTS.has(type) || isPacketId(fields)) && fields.isAtEnd()
}

/** [MQTT-2.3.1-1]. */
const isPacketId = (fields: Fields): boolean => (fields.uint16() ?? 0) > 0

/** [MQTT-3.8.3-3], [MQTT-3.10.3-2]: one filter at least. */
function isSoundList(fields: Fields, isSoundOption: () => boolean): boolean {
  if (!isPacketId(fields)) return false
  do {
    const filter = fields.text()
    if (filter === undefined || !isFilter(filter) || !isSoundOption()) return false
  } while (!fields.isAtEnd())
  return true
}

/** [MQTT-4.7.1-2], [MQTT-4.7.1-3], [MQTT-4.7.3-1]. */
function isFilter(filter: string): boolean {
  const levels = filter.split('/')
  const isSoundLevel = (level: string, index: number): boolean =>
    level === '+' || (level === '#' && index === levels.length - 1) || !/[+#]/.test(level)
  return filter !== '' && levels.every(isSoundLevel)
}

/** The flags of CONNECT, MQTT 3.1.1 figure 3.4. */
const FLAG = { reserved: 0x01, will: 0x04, willQosAndRetain: 0x38, willQos: 0x18, password: 0x40, user: 0x80 } as const

function checkConnect(fields: Fields): PacketFault | undefined {
  const protocol = fields.text()
  const level = fields.byte()
  if (protocol === undefined || level === undefined || !Object.hasOwn(LEVELS, protocol)) return 'malformed-packet'
  if (LEVELS[protocol] !== level) return 'protocol-level'
  const flags = fields.byte()
  const isSoundConnect = flags !== undefined && areFlagsSound(flags) && isConnectPayload(flags, fields) && fields.isAtEnd()
  return isSoundConnect ? undefined : 'malformed-packet'
}

/** [MQTT-3.1.2-3], [MQTT-3.1.2-13] to [MQTT-3.1.2-15], [MQTT-3.1.2-22]. */
function areFlagsSound(flags: number): boolean {
  if ((flags & FLAG.reserved) !== 0 || (flags & FLAG.willQos) === FLAG.willQos) return false
  if ((flags & FLAG.will) === 0 && (flags & FLAG.willQosAndRetain) !== 0) return false
  return (flags & FLAG.user) !== 0 || (flags & FLAG.password) === 0
}

function isConnectPayload(flags: number, fields: Fields): boolean {
  const has = (flag: number): boolean => (flags & flag) !== 0
  if (fields.uint16() === undefined || fields.text() === undefined) return false
  if (has(FLAG.will) && (!isTopicName(fields.text()) || fields.bytes() === undefined)) return false
  if (has(FLAG.user) && fields.text() === undefined) return false
  return !has(FLAG.password) || fields.bytes() !== undefined
}

/** [MQTT-3.3.2-2], [MQTT-4.7.3-1]. */
const isTopicName = (topic: string | undefined): boolean => topic !== undefined && topic !== '' && !/[+#]/.test(topic)

/** Takes one field after the other; undefined when the packet ends before the field does. */
interface Fields {
  byte(): number | undefined
  uint16(): number | undefined
  bytes(): Uint8Array | undefined
  /** Also undefined when the bytes are not what MQTT calls UTF-8: [MQTT-1.5.3-1], [MQTT-1.5.3-2]. */
  text(): string | undefined
  isAtEnd(): boolean
}

function createFields(body: Uint8Array): Fields {
  let index = 0

  function byte(): number | undefined {
    return body[index++]
  }

  function uint16(): number | undefined {
    const high = byte()
    const low = byte()
    return high === undefined || low === undefined ? undefined : high * 256 + low
  }

  function bytes(): Uint8Array | undefined {
    const length = uint16()
    if (length === undefined || index + length > body.length) return undefined
    index += length
    return body.subarray(index - length, index)
  }

  function text(): string | undefined {
    const found = bytes()
    if (found === undefined || found.includes(0) || !isUtf8(found)) return undefined
    return asBuffer(found).toString('utf8')
  }

  return { byte, uint16, bytes, text, isAtEnd: () => index === body.length }
}
