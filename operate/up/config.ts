import { CRASH_POINTS } from '../../platform/runtime/crash-points.ts'
import { LOG_LEVELS, type LogLevel } from '../../platform/runtime/log.ts'

export interface UpConfig {
  MILLRACE_LOG_LEVEL: LogLevel
  MILLRACE_METRICS_HOST: string
  MILLRACE_METRICS_PORT: number
  MILLRACE_METRICS_CERT_FILE?: string
  MILLRACE_METRICS_KEY_FILE?: string
  MILLRACE_MQTT_NAMES?: string
  MILLRACE_MQTT_CERT_FILE?: string
  MILLRACE_MQTT_KEY_FILE?: string
  MILLRACE_MQTT_CLIENT_CA_FILE?: string
  MILLRACE_LOG_PARTITIONS: number
  MILLRACE_LOG_RETENTION_DAYS: number
  MILLRACE_LOG_REJECTED_RETENTION_DAYS: number
  MILLRACE_LOG_BYTES_MAX: number
  MILLRACE_LOG_LINGER_MS: number
  MILLRACE_SERIES_READER_THREADS: number
  MILLRACE_DEMO_BACKFILL_DAYS: number
  MILLRACE_CRASH_AT?: string
}

/** What the embedded process needs beyond its parts' own settings. */
export const upConfig = {
  type: 'object',
  properties: {
    MILLRACE_LOG_LEVEL: {
      type: 'string',
      enum: LOG_LEVELS,
      default: 'info',
      description: 'The least grave kind of line that is logged.',
    },
    MILLRACE_METRICS_HOST: {
      type: 'string',
      minLength: 1,
      default: '127.0.0.1',
      description:
        'The address of /metrics, /healthz and /readyz. Anything but a loopback address needs MILLRACE_METRICS_CERT_FILE and MILLRACE_METRICS_KEY_FILE.',
    },
    MILLRACE_METRICS_PORT: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      default: 9_464,
      description: 'The port of /metrics, /healthz and /readyz; 0 takes a free one.',
    },
    MILLRACE_METRICS_CERT_FILE: {
      type: 'string',
      minLength: 1,
      description: 'Certificate chain for them, PEM: TLS 1.3 only.',
    },
    MILLRACE_METRICS_KEY_FILE: { type: 'string', minLength: 1, description: 'Its private key, PEM.' },
    MILLRACE_MQTT_NAMES: {
      type: 'string',
      pattern: '^[A-Za-z0-9.:-]+(,[A-Za-z0-9.:-]+)*$',
      description:
        'Further host names and addresses under which gateways reach this machine, with commas between; they go into the certificate of the MQTT listener.',
    },
    MILLRACE_MQTT_CERT_FILE: {
      type: 'string',
      minLength: 1,
      description: 'Certificate chain of the MQTT listener, PEM; left out, our own CA signs one.',
    },
    MILLRACE_MQTT_KEY_FILE: { type: 'string', minLength: 1, description: 'Its private key, PEM.' },
    MILLRACE_MQTT_CLIENT_CA_FILE: {
      type: 'string',
      minLength: 1,
      description: "The root by which gateways' certificates are checked, PEM; left out, our own CA.",
    },
    MILLRACE_LOG_PARTITIONS: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 4,
      description: 'Partitions of the event log; only counts when the data folder is made.',
    },
    MILLRACE_LOG_RETENTION_DAYS: {
      type: 'integer',
      minimum: 1,
      maximum: 3_650,
      default: 30,
      description:
        'Messages stay in the event log this long; in the embedded one longer, until they are stored. Kafka deletes by age alone: an outage of the stores must not last so long.',
    },
    MILLRACE_LOG_REJECTED_RETENTION_DAYS: {
      type: 'integer',
      minimum: 1,
      maximum: 3_650,
      default: 90,
      description: 'Rejected messages stay in the event log this long.',
    },
    MILLRACE_LOG_BYTES_MAX: {
      type: 'integer',
      minimum: 0,
      default: 21_474_836_480,
      description: 'Size of the event log past which the oldest messages that are stored go; 0 for no limit.',
    },
    MILLRACE_LOG_LINGER_MS: {
      type: 'integer',
      minimum: 0,
      maximum: 100,
      default: 2,
      description: 'How long the first message of a group commit waits for others.',
    },
    MILLRACE_SERIES_READER_THREADS: {
      type: 'integer',
      minimum: 1,
      maximum: 32,
      default: 1,
      description: 'Threads that answer queries on the time-series store; each takes some 15 MB.',
    },
    MILLRACE_DEMO_BACKFILL_DAYS: {
      type: 'integer',
      minimum: 0,
      maximum: 390,
      default: 14,
      description: 'History that the demo factory sends before it goes on live.',
    },
    MILLRACE_CRASH_AT: {
      type: 'string',
      pattern: `^(${CRASH_POINTS.join('|')})(:[0-9]{1,6})?$`,
      description: 'For tests of Millrace itself: the process kills itself at this point, on its n-th pass with `:n` behind it.',
    },
  },
  dependentRequired: {
    MILLRACE_MQTT_CERT_FILE: ['MILLRACE_MQTT_KEY_FILE'],
    MILLRACE_MQTT_KEY_FILE: ['MILLRACE_MQTT_CERT_FILE'],
    MILLRACE_METRICS_CERT_FILE: ['MILLRACE_METRICS_KEY_FILE'],
    MILLRACE_METRICS_KEY_FILE: ['MILLRACE_METRICS_CERT_FILE'],
  },
} as const
