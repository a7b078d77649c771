import { once } from 'node:events'
import { connect, createServer, type PeerCertificate, TLSSocket } from 'node:tls'
import type { IssuedKeyPair } from '../../../platform/ports/certificate-authority.ts'

export interface Side {
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** What this side trusts. */
  readonly rootPem: string
}

export interface Handshake {
  readonly protocol: string | null
  /** What the server thinks of the client: undefined is fine, otherwise why not. */
  readonly clientError: string | undefined
  /** The same of the client. */
  readonly serverError: string | undefined
  /** The client's certificate, as the server sees it. */
  readonly client: PeerCertificate
  readonly clientPem: string | undefined
}

export const side = ({ certificatePem, privateKeyPem }: IssuedKeyPair, rootPem: string): Side => ({
  certificatePem,
  privateKeyPem,
  rootPem,
})

/**
 * A real TLS 1.3 handshake on the loopback address. Neither side hangs up on what it refuses (`rejectUnauthorized` is
 * off), so that both verdicts, which node:tls reaches all the same, can be read.
 */
export async function shakeHands({ server, client }: { server: Side; client: Side }, host = 'localhost'): Promise<Handshake> {
  const listener = createServer({ ...tlsOptions(server), requestCert: true, minVersion: 'TLSv1.3' })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  const port = typeof address === 'object' && address ? address.port : 0

  const accepted = once(listener, 'secureConnection')
  const name = host === '127.0.0.1' ? {} : { servername: host }
  let outgoing: TLSSocket | undefined
  try {
    outgoing = connect({ ...tlsOptions(client), ...name, port, host: '127.0.0.1' })
    const [[incoming]] = await Promise.all([accepted, once(outgoing, 'secureConnect')])
    if (!(incoming instanceof TLSSocket)) throw new TypeError('A TLS server accepts TLS sockets.')
    return {
      protocol: incoming.getProtocol(),
      clientError: errorOf(incoming),
      serverError: errorOf(outgoing),
      client: incoming.getPeerCertificate(),
      clientPem: incoming.getPeerX509Certificate()?.toString(),
    }
  } finally {
    outgoing?.destroy()
    listener.close()
    await once(listener, 'close')
  }
}

const tlsOptions = ({ certificatePem, privateKeyPem, rootPem }: Side) => ({
  cert: certificatePem,
  key: privateKeyPem,
  ca: rootPem,
  rejectUnauthorized: false,
})

function errorOf(socket: TLSSocket): string | undefined {
  if (socket.authorized) return undefined
  const error: unknown = socket.authorizationError
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
