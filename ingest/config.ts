import { MESSAGE_BYTES_MAX } from '../schemas/message.ts'

export { type BridgeConfig, bridgeConfig } from './bridge/config.ts'

export interface IngestConfig {
  MILLRACE_MQTT_HOST: string
  MILLRACE_MQTT_PORT: number
  MILLRACE_MQTT_IN_FLIGHT_MESSAGES_MAX: number
  MILLRACE_MQTT_IN_FLIGHT_BYTES_MAX: number
  MILLRACE_MQTT_CONNECTION_IN_FLIGHT_MESSAGES_MAX: number
  MILLRACE_MQTT_CONNECTION_IN_FLIGHT_BYTES_MAX: number
  MILLRACE_MQTT_CONNECTIONS_MAX: number
  MILLRACE_MQTT_CONNECTIONS_PER_TENANT_MAX: number
  MILLRACE_MQTT_CONNECT_TIMEOUT_MS: number
  MILLRACE_MQTT_PACKET_TIMEOUT_MS: number
  MILLRACE_MQTT_KEEP_ALIVE_MAX_SECONDS: number
  MILLRACE_READING_AHEAD_MAX_MS: number
  MILLRACE_RETENTION_DAYS: number
}

/** The topic and the packet id come on top of the payload. */
export const PACKET_BYTES_MAX = MESSAGE_BYTES_MAX + 1_024
/** Client id, will and credentials. */
export const CONNECT_BYTES_MAX = 16_384

export const ingestConfig = {
  type: 'object',
  properties: {
    MILLRACE_MQTT_HOST: {
      type: 'string',
      minLength: 1,
      default: '0.0.0.0',
      description: 'Address on which gateways are listened for.',
    },
    MILLRACE_MQTT_PORT: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      default: 8_883,
      description: 'MQTT over TLS 1.3; 0 picks a free port.',
    },
    MILLRACE_MQTT_IN_FLIGHT_MESSAGES_MAX: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 50_000,
      description: 'Messages received and not yet durable, over all connections. Past it, sockets are not read.',
    },
    MILLRACE_MQTT_IN_FLIGHT_BYTES_MAX: {
      type: 'integer',
      minimum: 1_048_576,
      maximum: 1_073_741_824,
      default: 67_108_864,
      description: 'The same in bytes.',
    },
    MILLRACE_MQTT_CONNECTION_IN_FLIGHT_MESSAGES_MAX: {
      type: 'integer',
      minimum: 1,
      maximum: 65_535,
      default: 1_000,
      description: 'Messages received and not yet durable, of one connection.',
    },
    MILLRACE_MQTT_CONNECTION_IN_FLIGHT_BYTES_MAX: {
      type: 'integer',
      minimum: 1_024,
      maximum: 67_108_864,
      default: 4_194_304,
      description: 'The same in bytes.',
    },
    MILLRACE_MQTT_CONNECTIONS_MAX: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 10_000,
      description: 'Open connections in all.',
    },
    MILLRACE_MQTT_CONNECTIONS_PER_TENANT_MAX: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 5_000,
      description: 'Open connections of one tenant.',
    },
    MILLRACE_MQTT_CONNECT_TIMEOUT_MS: {
      type: 'integer',
      minimum: 100,
      maximum: 60_000,
      default: 10_000,
      description: 'Time for the TLS handshake, and again for CONNECT.',
    },
    MILLRACE_MQTT_PACKET_TIMEOUT_MS: {
      type: 'integer',
      minimum: 100,
      maximum: 600_000,
      default: 120_000,
      description: 'Time for a packet to arrive whole.',
    },
    MILLRACE_MQTT_KEEP_ALIVE_MAX_SECONDS: {
      type: 'integer',
      minimum: 1,
      maximum: 65_535,
      default: 3_600,
      description: 'A connection that is silent for one and a half times its keep-alive, or this, is closed.',
    },
    MILLRACE_READING_AHEAD_MAX_MS: {
      type: 'integer',
      minimum: 0,
      maximum: 86_400_000,
      default: 600_000,
      description: 'How far the time of a reading may lie ahead of ours.',
    },
    MILLRACE_RETENTION_DAYS: {
      type: 'integer',
      minimum: 1,
      maximum: 3_650,
      default: 396,
      description: 'Readings are kept this long (13 months); older ones are refused.',
    },
  },
} as const
