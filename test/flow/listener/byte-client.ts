import { connect as connectPlain, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { remainingLength } from './mqtt-bytes.ts'

/** Long enough for a machine that is busy with other tests; a wait that ends here has failed. */
const PATIENCE_MS = 20_000

/** A socket of which each byte is seen: what is sent is written as it is, what comes is kept until it is asked for. */
export interface ByteClient {
  readonly socket: Socket
  readonly isClosed: boolean
  /** What ended the connection, as the client's own library would say; undefined for an orderly end. */
  readonly error: (Error & { readonly code?: string }) | undefined
  /** What came and has not been taken. */
  readonly waiting: Buffer
  send(...parts: readonly Uint8Array[]): void
  /** Takes the next `count` bytes; fewer when the connection ends before. */
  take(count: number): Promise<Buffer>
  /** Takes the next packet, whole. */
  takePacket(): Promise<Buffer>
  /** Resolves when the connection has ended. */
  closed(): Promise<void>
  destroy(): void
}

export async function openPlain(options: NetConnectOpts): Promise<ByteClient> {
  const socket = connectPlain({ noDelay: true, ...options })
  const client = watch(socket)
  await opened(socket, 'connect')
  return client
}

export interface TlsIdentity {
  readonly port: number
  readonly certificatePem?: string
  readonly privateKeyPem?: string
  readonly rootPem: string
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  readonly session?: Buffer
}

/** @returns when the handshake is done for the client, which in TLS 1.3 is before the server has looked at its certificate. */
export async function openSecure(identity: TlsIdentity): Promise<ByteClient & { readonly socket: TLSSocket }> {
  const { port, certificatePem: cert, privateKeyPem: key, rootPem: ca, maxVersion, session } = identity
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    ca,
    ...(cert !== undefined && { cert, key }),
    ...(maxVersion && { minVersion: maxVersion, maxVersion }),
    ...(session && { session }),
  })
  socket.setNoDelay(true)
  const client = watch(socket)
  await opened(socket, 'secureConnect')
  return client
}

function opened(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve())
    socket.once('close', () => resolve())
  })
}

function watch<S extends Socket>(socket: S): ByteClient & { readonly socket: S } {
  let waiting: Buffer = Buffer.alloc(0)
  let error: Error | undefined
  let isClosed = false
  let onChange: (() => void) | undefined
  socket.on('data', (bytes) => {
    waiting = Buffer.concat([waiting, bytes])
    onChange?.()
  })
  socket.on('error', (cause) => {
    error = cause
  })
  socket.on('close', () => {
    isClosed = true
    onChange?.()
  })

  function until(isReached: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        reject(new Error(`The listener kept its peer waiting for ${what}; ${waiting.toString('hex')} had come.`))
      }, PATIENCE_MS)
      onChange = () => {
        if (!isReached()) return
        onChange = undefined
        clearTimeout(deadline)
        resolve()
      }
      onChange()
    })
  }

  async function take(count: number): Promise<Buffer> {
    await until(() => isClosed || waiting.length >= count, `${count} bytes`)
    const taken = waiting.subarray(0, count)
    waiting = waiting.subarray(count)
    return taken
  }

  async function takePacket(): Promise<Buffer> {
    await until(() => isClosed || packetLength(waiting) !== undefined, 'a packet')
    return take(packetLength(waiting) ?? waiting.length)
  }

  return {
    socket,
    take,
    takePacket,
    get isClosed() {
      return isClosed
    },
    get error() {
      return error
    },
    get waiting() {
      return waiting
    },
    send: (...parts) => void socket.write(Buffer.concat(parts)),
    closed: () => until(() => isClosed, 'the end of the connection'),
    destroy: () => socket.destroy(),
  }
}

/** @returns undefined while the packet isn't whole. */
function packetLength(bytes: Uint8Array): number | undefined {
  let length = 0
  for (let index = 1; index < bytes.length && index <= 4; index++) {
    const byte = bytes[index] ?? 0
    length += (byte & 0x7f) * 128 ** (index - 1)
    if (byte >= 0x80) continue
    const whole = 1 + remainingLength(length).length + length
    return whole <= bytes.length ? whole : undefined
  }
  return undefined
}
