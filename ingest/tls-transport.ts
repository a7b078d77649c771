import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { MillraceError } from '../platform/runtime/errors.ts'
import type { OnConnection, OnRefused, Transport } from './listener.ts'
import { CONNACK_CODES, connackBytes, type Peer } from './policy.ts'

export interface TlsTransportOptions {
  readonly host: string
  readonly port: number
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** Clients must show a certificate that this root has signed, for client authentication. */
  readonly rootPem: string
  readonly connectionsMax: number
  readonly handshakeTimeoutMs: number
}

/** Handshakes under way at a time. The oldest gives way to a new one, so that connections which never speak keep nobody out. */
const HANDSHAKES_MAX = 1_000
/** A client sends CONNECT at once; this is for the way there and back. */
const REFUSAL_TIMEOUT_MS = 1_000
/** By the codes of OpenSSL and Node. Any other one of a certificate means that our root has not signed it. */
const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate-expired',
  CERT_NOT_YET_VALID: 'certificate-not-yet-valid',
  INVALID_PURPOSE: 'certificate-wrong-use',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'tls-version',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'tls-timeout',
}

/**
 * TLS 1.3 with client certificates. OpenSSL refuses other versions, other roots, expired certificates and ones for another use;
 * whether the certificate is enrolled and not revoked is the policy's question.
 */
export function createTlsTransport(options: TlsTransportOptions): Transport {
  const server = createServer({
    key: options.privateKeyPem,
    cert: options.certificatePem,
    ca: options.rootPem,
    requestCert: true,
    // Node would hang up without a word. It is refused here, so that the gateway and the log are told why.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    handshakeTimeout: options.handshakeTimeoutMs,
    noDelay: true,
    pauseOnConnect: false,
  })
  server.maxConnections = options.connectionsMax
  /** By address and port of the peer, oldest first. */
  const handshakes = new Map<string, Socket>()

  function begin(socket: Socket): void {
    const peer = peerKey(socket)
    handshakes.set(peer, socket)
    socket.once('close', () => handshakes.delete(peer))
    if (handshakes.size > HANDSHAKES_MAX) endOldest()
  }

  function endOldest(): void {
    const [oldest] = handshakes.values()
    oldest?.destroy()
  }

  function secure(socket: TLSSocket, onConnection: OnConnection, onRefused: OnRefused): void {
    handshakes.delete(peerKey(socket))
    if (socket.authorized) return onConnection(socket, peerOf(socket))
    onRefused(refusalOf(socket), socket.remoteAddress ?? '')
    refuse(socket)
  }

  function listen(onConnection: OnConnection, onRefused: OnRefused): Promise<{ readonly port: number; stop(): Promise<void> }> {
    server.on('connection', begin)
    // The door is full, perhaps of those who never speak: the next one finds room.
    server.on('drop', endOldest)
    server.on('secureConnection', (socket) => secure(socket, onConnection, onRefused))
    server.on('tlsClientError', (error: Error & { code?: string }, socket) => {
      onRefused(REASONS[error.code ?? ''] ?? 'tls-handshake', socket.remoteAddress ?? '')
      // Node closes it too, but only after the other side has had its say.
      socket.destroy()
    })
    return new Promise((resolve, reject) => {
      server.once('error', (cause) => reject(unavailable(options, cause)))
      server.listen({ host: options.host, port: options.port, backlog: 4_096 }, () => {
        const address = server.address()
        const port = typeof address === 'object' && address !== null ? address.port : options.port
        resolve({ port, stop })
      })
    })
  }

  /** Resolves when every connection is gone. Who is still shaking hands has been promised nothing, and is not waited for. */
  function stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of handshakes.values()) socket.destroy()
    return stopped
  }

  return { listen }
}

const peerKey = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress}:${remotePort}`

/** Nothing that it sends is looked at: the first bytes, which are CONNECT, are answered with a CONNACK that it isn't authorized. */
function refuse(socket: TLSSocket): void {
  const timer = setTimeout(() => socket.destroy(), REFUSAL_TIMEOUT_MS)
  socket.on('error', () => socket.destroy())
  socket.once('close', () => clearTimeout(timer))
  socket.once('data', () => socket.end(connackBytes(CONNACK_CODES.notAuthorized), () => socket.destroy()))
}

function refusalOf(socket: TLSSocket): string {
  if (socket.getPeerX509Certificate() === undefined) return 'certificate-missing'
  return REASONS[String(socket.authorizationError)] ?? 'certificate-untrusted'
}

function peerOf(socket: TLSSocket): Peer {
  const address = socket.remoteAddress ?? ''
  const der = socket.getPeerX509Certificate()?.raw
  return der === undefined ? { address } : { address, fingerprint: createHash('sha256').update(der).digest('hex') }
}

function unavailable({ host, port }: TlsTransportOptions, cause: Error): MillraceError {
  return new MillraceError(
    'listener.unavailable',
    `MQTT cannot listen on ${host}:${port}: ${cause.message}. Set MILLRACE_MQTT_PORT or MILLRACE_MQTT_HOST.`,
    { cause },
  )
}
