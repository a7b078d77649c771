/**
 * MQTT 3.1.1 packets, byte by byte, written from the standard and not by the library that the listener reads them with. Every field can
 * be wrong on purpose.
 */
export const TYPES = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
} as const

export type PacketType = keyof typeof TYPES

/** Written as people write bytes: `30 02 00 01`. */
export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** A fixed header of type and flags, the remaining length, and the body. */
export function packet(type: number, flags: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([(type << 4) | flags]), remainingLength(body.length), body])
}

export function remainingLength(length: number): Buffer {
  const bytes: number[] = []
  let rest = length
  do {
    const byte = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? byte | 0x80 : byte)
  } while (rest > 0)
  return Buffer.from(bytes)
}

export function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

/** A string with its length in front; bytes are taken as they are, so that they need not be UTF-8. */
export function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint16(bytes.length), bytes])
}

export interface ConnectFields {
  readonly protocol?: string
  readonly level?: number
  /** Overrides what the other fields would set. */
  readonly flags?: number
  readonly keepAlive?: number
  readonly id?: string | Uint8Array
  readonly isClean?: boolean
  readonly will?: {
    readonly topic: string | Uint8Array
    readonly payload: string
    readonly qos?: number
    readonly isRetained?: boolean
  }
  readonly user?: string | Uint8Array
  readonly password?: string
  /** What should not be there any more. */
  readonly rest?: Uint8Array
}

export function connect(fields: ConnectFields = {}): Buffer {
  const { protocol = 'MQTT', level = 4, keepAlive = 60, id = 'a', will, user, password, rest = Buffer.alloc(0) } = fields
  const flags = fields.flags ?? connectFlags(fields)
  const payload = [id, ...(will ? [will.topic, will.payload] : []), ...(user === undefined ? [] : [user])]
  if (password !== undefined) payload.push(password)
  return packet(
    TYPES.connect,
    0,
    Buffer.concat([text(protocol), Buffer.from([level, flags]), uint16(keepAlive), ...payload.map(text), rest]),
  )
}

function connectFlags({ isClean = true, will, user, password }: ConnectFields): number {
  const willFlags = will ? 0x04 | ((will.qos ?? 0) << 3) | (will.isRetained ? 0x20 : 0) : 0
  return (isClean ? 0x02 : 0) | willFlags | (password === undefined ? 0 : 0x40) | (user === undefined ? 0 : 0x80)
}

export interface PublishFields {
  readonly topic: string | Uint8Array
  readonly payload?: string | Uint8Array
  readonly qos?: number
  readonly id?: number
  readonly isDuplicate?: boolean
  readonly isRetained?: boolean
}

export function publish({ topic, payload = '', qos = 0, id = 1, isDuplicate, isRetained }: PublishFields): Buffer {
  const flags = (isDuplicate ? 8 : 0) | (qos << 1) | (isRetained ? 1 : 0)
  return packet(TYPES.publish, flags, Buffer.concat([text(topic), ...(qos > 0 ? [uint16(id)] : []), Buffer.from(payload)]))
}

export type Filter = readonly [filter: string | Uint8Array, qos: number]

export function subscribe(id: number, ...filters: readonly Filter[]): Buffer {
  const body = filters.map(([filter, qos]) => Buffer.concat([text(filter), Buffer.from([qos])]))
  return packet(TYPES.subscribe, 2, Buffer.concat([uint16(id), ...body]))
}

export function unsubscribe(id: number, ...filters: readonly (string | Uint8Array)[]): Buffer {
  return packet(TYPES.unsubscribe, 2, Buffer.concat([uint16(id), ...filters.map(text)]))
}

export const suback = (id: number, ...codes: readonly number[]): Buffer =>
  packet(TYPES.suback, 0, Buffer.concat([uint16(id), Buffer.from(codes)]))

/** PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK: a packet id and nothing else. */
export function acknowledgement(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp' | 'unsuback', id: number): Buffer {
  return packet(TYPES[type], type === 'pubrel' ? 2 : 0, uint16(id))
}

export const connack = (code: number, isSessionPresent = false): Buffer => Buffer.from([0x20, 2, isSessionPresent ? 1 : 0, code])
export const PINGREQ = hex('c0 00')
export const PINGRESP = hex('d0 00')
export const DISCONNECT = hex('e0 00')
