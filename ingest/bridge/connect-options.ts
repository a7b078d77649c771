import type { IClientOptions } from 'mqtt'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { isLoopback } from '../../platform/runtime/loopback.ts'
import type { InFlightLimits } from '../in-flight.ts'

export interface BridgeConnection {
  readonly url: string
  readonly clientId: string
  readonly protocol: '3.1.1' | '5'
  readonly caPem?: string
  readonly certificatePem?: string
  readonly privateKeyPem?: string
  readonly username?: string
  readonly password?: string
  readonly inFlight: InFlightLimits
}

const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_SECONDS = 30
/** The broker keeps what we have not acknowledged at least this long while we are away. */
const SESSION_EXPIRY_SECONDS = 7 * 86_400

/**
 * What mqtt.js is told: a session that outlives the connection, and that we come back by ourselves.
 *
 * @throws {MillraceError} `config.invalid` for plain MQTT to another machine.
 */
export function connectOptions(to: BridgeConnection): IClientOptions {
  const { protocol, hostname, port } = new URL(to.url)
  const isPlain = protocol === 'mqtt:'
  if (isPlain && !isLoopback(hostname))
    throw new MillraceError(
      'config.invalid',
      `The bridge would speak to ${hostname} without TLS. Use mqtts:// in MILLRACE_BRIDGE_URL.`,
    )
  return {
    protocol: isPlain ? 'mqtt' : 'mqtts',
    // A URL writes an IPv6 address in brackets; a socket, and the certificate's name, want it without.
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port),
    clientId: to.clientId,
    protocolVersion: to.protocol === '5' ? 5 : 4,
    clean: false,
    resubscribe: false,
    keepalive: KEEP_ALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    manualConnect: true,
    reconnectPeriod: 0,
    ...(to.protocol === '5' && {
      properties: { sessionExpiryInterval: SESSION_EXPIRY_SECONDS, receiveMaximum: to.inFlight.messagesMax },
    }),
    ...(!isPlain && { minVersion: 'TLSv1.3' as const, rejectUnauthorized: true }),
    ...(to.caPem !== undefined && { ca: to.caPem }),
    ...(to.certificatePem !== undefined && { cert: to.certificatePem }),
    ...(to.privateKeyPem !== undefined && { key: to.privateKeyPem }),
    ...(to.username !== undefined && { username: to.username }),
    ...(to.password !== undefined && { password: to.password }),
  }
}
