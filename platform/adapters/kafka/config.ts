export interface KafkaConfig {
  /** Left out, the event log is the embedded one. */
  MILLRACE_KAFKA_BROKERS?: string
  MILLRACE_KAFKA_TOPIC_PREFIX: string
  MILLRACE_KAFKA_CA_FILE?: string
  MILLRACE_KAFKA_SASL_MECHANISM?: 'scram-sha-256' | 'scram-sha-512'
  MILLRACE_KAFKA_SASL_USERNAME?: string
  MILLRACE_KAFKA_SASL_PASSWORD_FILE?: string
  MILLRACE_KAFKA_REPLICATION_FACTOR?: number
  MILLRACE_KAFKA_COMPRESSION: 'none' | 'gzip'
}

export const kafkaConfig = {
  type: 'object',
  properties: {
    MILLRACE_KAFKA_BROKERS: {
      type: 'string',
      pattern: '^[A-Za-z0-9.-]+:[0-9]{1,5}(,[A-Za-z0-9.-]+:[0-9]{1,5})*$',
      description:
        'Brokers of Kafka, host:port, with commas between; a few are enough to find the others. Left out, the event log is the embedded one.',
    },
    MILLRACE_KAFKA_TOPIC_PREFIX: {
      type: 'string',
      pattern: '^[A-Za-z0-9.-]{0,64}$',
      default: '',
      description: 'Stands before the names of topics and groups, so that several installations can share one Kafka.',
    },
    MILLRACE_KAFKA_CA_FILE: {
      type: 'string',
      minLength: 1,
      description: 'Root certificates by which the brokers are known, PEM. Set, the connection is TLS.',
    },
    MILLRACE_KAFKA_SASL_MECHANISM: {
      type: 'string',
      enum: ['scram-sha-256', 'scram-sha-512'],
      description: 'How we prove who we are; left out, we do not.',
    },
    MILLRACE_KAFKA_SASL_USERNAME: { type: 'string', minLength: 1, description: 'The user name for it.' },
    MILLRACE_KAFKA_SASL_PASSWORD_FILE: { type: 'string', minLength: 1, description: 'A file that holds the password for it.' },
    MILLRACE_KAFKA_REPLICATION_FACTOR: {
      type: 'integer',
      minimum: 1,
      maximum: 9,
      description:
        'Copies of each partition; only counts when topics are made. Left out, it is 3, or as many as there are brokers. With 3 or more, two of them must have a message before it is acknowledged.',
    },
    MILLRACE_KAFKA_COMPRESSION: {
      type: 'string',
      enum: ['none', 'gzip'],
      default: 'none',
      description: 'How batches are compressed on their way to Kafka and in it.',
    },
  },
  dependentRequired: {
    MILLRACE_KAFKA_CA_FILE: ['MILLRACE_KAFKA_BROKERS'],
    MILLRACE_KAFKA_SASL_MECHANISM: [
      'MILLRACE_KAFKA_BROKERS',
      'MILLRACE_KAFKA_SASL_USERNAME',
      'MILLRACE_KAFKA_SASL_PASSWORD_FILE',
    ],
    MILLRACE_KAFKA_SASL_USERNAME: ['MILLRACE_KAFKA_SASL_MECHANISM'],
    MILLRACE_KAFKA_SASL_PASSWORD_FILE: ['MILLRACE_KAFKA_SASL_MECHANISM'],
  },
} as const
