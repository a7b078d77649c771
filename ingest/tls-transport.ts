import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { createServer, type TLSSocket } from 'node:tls'
import { MillraceError } from '../platform/runtime/errors.ts'
import type { Transport } from './listener.ts'
import type { Peer } from './policy.ts'

export interface TlsTransportOptions {
  readonly host: string
  readonly port: number
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** Clients must show a certificate that this root has signed, for client authentication. */
  readonly rootPem: string
  readonly connectionsMax: number
  readonly handshakeTimeoutMs: number
  /** Told when a handshake fails, with OpenSSL's or Node's code. */
  readonly onHandshakeError: (code: string, address: string) => void
}

/**
 * TLS 1.3 with client certificates. OpenSSL refuses other versions, other roots, expired certificates and ones for another use during the handshake;
 * whether the certificate is enrolled and not revoked is the policy's question.
 */
export function createTlsTransport(options: TlsTransportOptions): Transport {
  const server = createServer({
    key: options.privateKeyPem,
    cert: options.certificatePem,
    ca: options.rootPem,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    handshakeTimeout: options.handshakeTimeoutMs,
    noDelay: true,
    pauseOnConnect: false,
  })
  server.maxConnections = options.connectionsMax

  function listen(onConnection: (socket: Duplex, peer: Peer) => void): Promise<{ readonly port: number; stop(): Promise<void> }> {
    server.on('secureConnection', (socket) => onConnection(socket, peerOf(socket)))
    server.on('tlsClientError', (error: Error & { code?: string }, socket) => {
      options.onHandshakeError(error.code ?? 'unknown', socket.remoteAddress ?? '')
      // Node closes it too, but only after the other side has had its say.
      socket.destroy()
    })
    return new Promise((resolve, reject) => {
      server.once('error', (cause) => reject(unavailable(options, cause)))
      server.listen({ host: options.host, port: options.port, backlog: 4_096 }, () => {
        const address = server.address()
        const port = typeof address === 'object' && address !== null ? address.port : options.port
        resolve({ port, stop: () => new Promise((stopped) => server.close(() => stopped())) })
      })
    })
  }

  return { listen }
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
