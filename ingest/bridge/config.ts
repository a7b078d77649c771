export interface BridgeConfig {
  /** Left out, there is no bridge. */
  MILLRACE_BRIDGE_URL?: string
  MILLRACE_BRIDGE_TRUSTS_TOPICS: 'yes' | 'no'
  MILLRACE_BRIDGE_GROUP: string
  MILLRACE_BRIDGE_CLIENT_ID?: string
  MILLRACE_BRIDGE_PROTOCOL: '3.1.1' | '5'
  MILLRACE_BRIDGE_CA_FILE?: string
  MILLRACE_BRIDGE_CERT_FILE?: string
  MILLRACE_BRIDGE_KEY_FILE?: string
  MILLRACE_BRIDGE_USERNAME?: string
  MILLRACE_BRIDGE_PASSWORD_FILE?: string
  MILLRACE_BRIDGE_IN_FLIGHT_MAX: number
  MILLRACE_BRIDGE_IN_FLIGHT_BYTES_MAX: number
}

export const bridgeConfig = {
  type: 'object',
  properties: {
    MILLRACE_BRIDGE_URL: {
      type: 'string',
      pattern: '^mqtts?://[^/?#@]+:[0-9]{1,5}$',
      description:
        'An MQTT broker that is already there, mqtts://host:port, whose gateways publish to v1/{tenant}/{gateway}/readings. Plain mqtt:// is for the loopback address only.',
    },
    MILLRACE_BRIDGE_TRUSTS_TOPICS: {
      type: 'string',
      enum: ['yes', 'no'],
      default: 'no',
      description:
        'Must be `yes` for the bridge to start. The tenant then comes from the topic: say so only where that broker lets every gateway publish to its own topic and no other.',
    },
    MILLRACE_BRIDGE_GROUP: {
      type: 'string',
      pattern: '^[A-Za-z0-9-]{1,64}$',
      default: 'millrace',
      description: 'The group of the shared subscription ($share/GROUP/…): bridges of one group share the messages.',
    },
    MILLRACE_BRIDGE_CLIENT_ID: {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      description:
        'The client id at that broker: another one for each bridge, and always the same, since the broker keeps what was not acknowledged for it. Left out, it is kept in the data folder.',
    },
    MILLRACE_BRIDGE_PROTOCOL: {
      type: 'string',
      enum: ['3.1.1', '5'],
      default: '5',
      description: 'The version of MQTT that is spoken to that broker.',
    },
    MILLRACE_BRIDGE_CA_FILE: {
      type: 'string',
      minLength: 1,
      description: 'Root certificates by which the broker is known, PEM; left out, those of the system.',
    },
    MILLRACE_BRIDGE_CERT_FILE: {
      type: 'string',
      minLength: 1,
      description: 'Our client certificate, PEM, where it asks for one.',
    },
    MILLRACE_BRIDGE_KEY_FILE: { type: 'string', minLength: 1, description: 'Its private key, PEM.' },
    MILLRACE_BRIDGE_USERNAME: { type: 'string', minLength: 1, description: 'User name at that broker.' },
    MILLRACE_BRIDGE_PASSWORD_FILE: { type: 'string', minLength: 1, description: 'A file that holds the password for it.' },
    MILLRACE_BRIDGE_IN_FLIGHT_MAX: {
      type: 'integer',
      minimum: 1,
      maximum: 65_535,
      default: 1_000,
      description: 'Messages that were received and are not yet durable; past it no more are read.',
    },
    MILLRACE_BRIDGE_IN_FLIGHT_BYTES_MAX: {
      type: 'integer',
      minimum: 1_048_576,
      maximum: 1_073_741_824,
      default: 16_777_216,
      description: 'The same in bytes. A message that is larger is taken alone.',
    },
  },
  dependentRequired: {
    MILLRACE_BRIDGE_CERT_FILE: ['MILLRACE_BRIDGE_KEY_FILE'],
    MILLRACE_BRIDGE_KEY_FILE: ['MILLRACE_BRIDGE_CERT_FILE'],
    MILLRACE_BRIDGE_PASSWORD_FILE: ['MILLRACE_BRIDGE_USERNAME'],
  },
} as const
