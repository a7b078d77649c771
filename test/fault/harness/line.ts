import { connect } from 'node:tls'
import { MqttClient } from 'mqtt'
import type { GatewayCredentials } from '../../../operate/simulator/gateway-link.ts'

export interface Door {
  readonly port: number
  readonly caPem: string
}

const CONNECT_TIMEOUT_MS = 5_000
/** What was dropped on the way of a half-open connection is noticed with the next ping at the latest. */
const KEEP_ALIVE_SECONDS = 10

/** A real MQTT client over TLS 1.3, for one connection: it never comes back by itself, so that what is sent again is decided here. */
export function openLine({ port, caPem }: Door, { gateway, certificatePem, privateKeyPem }: GatewayCredentials): MqttClient {
  const openStream = () =>
    connect({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: caPem,
      cert: certificatePem,
      key: privateKeyPem,
      minVersion: 'TLSv1.3',
    })
  const client = new MqttClient(openStream, {
    clientId: gateway,
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: KEEP_ALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
  })
  client.on('error', () => client.stream.destroy())
  return client
}
