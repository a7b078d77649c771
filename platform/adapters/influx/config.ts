export interface InfluxConfig {
  /** Left out, and no cells either: the time-series store is the embedded one. */
  MILLRACE_INFLUX_URL?: string
  MILLRACE_INFLUX_ORG: string
  MILLRACE_INFLUX_BUCKET: string
  MILLRACE_INFLUX_CELLS_FILE?: string
  MILLRACE_INFLUX_CA_FILE?: string
  MILLRACE_INFLUX_READ_TOKEN_FILE?: string
  MILLRACE_INFLUX_WRITE_TOKEN_FILE?: string
  MILLRACE_INFLUX_ADMIN_TOKEN_FILE?: string
  MILLRACE_INFLUX_COMPRESSION: 'none' | 'gzip'
}

export const influxConfig = {
  type: 'object',
  properties: {
    MILLRACE_INFLUX_URL: {
      type: 'string',
      pattern: '^https?://[^/?#@]+/?$',
      description:
        'InfluxDB 2, https://host:port; plain http on the loopback address only. Left out, the time-series store is the embedded one.',
    },
    MILLRACE_INFLUX_ORG: { type: 'string', minLength: 1, default: 'millrace', description: 'The organization in InfluxDB.' },
    MILLRACE_INFLUX_BUCKET: {
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$',
      default: 'readings',
      description: 'The bucket of the readings; that of the rejections has the same name with `_rejected` behind it.',
    },
    MILLRACE_INFLUX_CELLS_FILE: {
      type: 'string',
      minLength: 1,
      description:
        'A JSON file with the addresses of several InfluxDB servers, instead of MILLRACE_INFLUX_URL: [{"name","url","org","bucket","readTokenFile","writeTokenFile","adminTokenFile","caFile"}]. Every tenant lives in one of them; new ones go to the emptiest.',
    },
    MILLRACE_INFLUX_CA_FILE: {
      type: 'string',
      minLength: 1,
      description: 'Root certificates by which InfluxDB is known, PEM; left out, those of the system.',
    },
    MILLRACE_INFLUX_READ_TOKEN_FILE: {
      type: 'string',
      minLength: 1,
      description: 'A file with the token that may read the buckets.',
    },
    MILLRACE_INFLUX_WRITE_TOKEN_FILE: {
      type: 'string',
      minLength: 1,
      description: 'A file with the token that may write to the buckets. Who only serves queries needs none.',
    },
    MILLRACE_INFLUX_ADMIN_TOKEN_FILE: {
      type: 'string',
      minLength: 1,
      description:
        'A file with a token that may make buckets and tokens. Only for `millrace doctor --fix`, which then writes the other two files where they are missing.',
    },
    MILLRACE_INFLUX_COMPRESSION: {
      type: 'string',
      enum: ['none', 'gzip'],
      default: 'none',
      description: 'How points are compressed on their way. It pays where the network is slower than the processor.',
    },
  },
  dependentRequired: {
    MILLRACE_INFLUX_CA_FILE: ['MILLRACE_INFLUX_URL'],
    MILLRACE_INFLUX_READ_TOKEN_FILE: ['MILLRACE_INFLUX_URL'],
    MILLRACE_INFLUX_WRITE_TOKEN_FILE: ['MILLRACE_INFLUX_URL'],
    MILLRACE_INFLUX_ADMIN_TOKEN_FILE: ['MILLRACE_INFLUX_URL'],
  },
} as const
