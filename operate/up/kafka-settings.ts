import type { KafkaConnection } from '../../platform/adapters/kafka/client.ts'
import type { KafkaConfig } from '../../platform/adapters/kafka/config.ts'
import { readNamed, readRoots } from './read-named.ts'

export interface KafkaSettings {
  readonly connection: KafkaConnection
  /** Left out, as many copies as are good and can be had. */
  readonly replicationFactor?: number
  readonly compression: 'none' | 'gzip'
}

const CLIENT_ID = 'millrace'

/** @returns undefined when the event log is the embedded one. @throws {MillraceError} `config.invalid` when a file can't be read. */
export function readKafkaSettings(config: KafkaConfig): KafkaSettings | undefined {
  const { MILLRACE_KAFKA_BROKERS: brokers, MILLRACE_KAFKA_SASL_MECHANISM: mechanism } = config
  if (brokers === undefined) return undefined
  const caPem = readRoots('MILLRACE_KAFKA_CA_FILE', config.MILLRACE_KAFKA_CA_FILE)
  const password = readNamed('MILLRACE_KAFKA_SASL_PASSWORD_FILE', config.MILLRACE_KAFKA_SASL_PASSWORD_FILE)
  const replicationFactor = config.MILLRACE_KAFKA_REPLICATION_FACTOR
  const username = config.MILLRACE_KAFKA_SASL_USERNAME
  return {
    connection: {
      brokers: brokers.split(','),
      clientId: CLIENT_ID,
      topicPrefix: config.MILLRACE_KAFKA_TOPIC_PREFIX,
      ...(caPem !== undefined && { caPem }),
      ...(mechanism && username && password !== undefined && { sasl: { mechanism, username, password: password.trimEnd() } }),
    },
    compression: config.MILLRACE_KAFKA_COMPRESSION,
    ...(replicationFactor !== undefined && { replicationFactor }),
  }
}
