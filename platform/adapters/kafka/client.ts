import { Kafka, type KafkaConfig as KafkaJsConfig, type LogEntry, logLevel, type SASLOptions } from 'kafkajs'
import type { Logger } from '../../runtime/log.ts'
import { logDamage } from './log-damage.ts'
import { createSocketFactory } from './open-socket.ts'
import { quietTimers } from './quiet-timers.ts'
import { speedUpRecords } from './records/speed-up.ts'

export interface KafkaConnection {
  /** `host:port` */
  readonly brokers: readonly string[]
  /** Shown in Kafka's own logs and quotas. */
  readonly clientId: string
  /** Root certificates, PEM; set, the connection is TLS. */
  readonly caPem?: string
  readonly sasl?: { readonly mechanism: 'scram-sha-256' | 'scram-sha-512'; readonly username: string; readonly password: string }
  /** Stands before the names of topics and groups. */
  readonly topicPrefix: string
}

const CONNECT_TIMEOUT_MS = 5_000
const AUTHENTICATION_TIMEOUT_MS = 10_000
/** How long one request may take, and with it how long an append may hang on a broker that says nothing. */
const REQUEST_TIMEOUT_MS = 6_000
const RETRIES = 4
const FIRST_RETRY_MS = 100
const RETRY_MAX_MS = 2_000

quietTimers()
speedUpRecords()

export function createKafkaClient({ brokers, clientId, caPem, sasl }: KafkaConnection, log: Logger): Kafka {
  logDamage(log)
  const config: KafkaJsConfig = {
    clientId,
    brokers: [...brokers],
    connectionTimeout: CONNECT_TIMEOUT_MS,
    authenticationTimeout: AUTHENTICATION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    enforceRequestTimeout: true,
    socketFactory: createSocketFactory(REQUEST_TIMEOUT_MS),
    retry: { retries: RETRIES, initialRetryTime: FIRST_RETRY_MS, maxRetryTime: RETRY_MAX_MS },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => pass(entry, log),
    ...(caPem !== undefined && { ssl: { ca: caPem, minVersion: 'TLSv1.3' } }),
    ...(sasl && { sasl: saslOptions(sasl) }),
  }
  return new Kafka(config)
}

function saslOptions({ mechanism, username, password }: NonNullable<KafkaConnection['sasl']>): SASLOptions {
  return mechanism === 'scram-sha-256' ? { mechanism, username, password } : { mechanism, username, password }
}

/** What kafkajs calls an error is mostly a try that it makes again; what comes of it is said by who called. */
function pass({ namespace, label, log: { message, ...rest } }: LogEntry, log: Logger): void {
  const { timestamp: _, logger: __, stack: ___, ...details } = rest
  log.debug({ namespace, label, kafka: message, ...details }, 'Kafka client.')
}
