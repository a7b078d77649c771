export interface PostgresConfig {
  /** Left out, the metadata store is the embedded one. */
  MILLRACE_POSTGRES_URL?: string
  MILLRACE_POSTGRES_PASSWORD_FILE?: string
  MILLRACE_POSTGRES_TLS?: 'verify-full' | 'off'
  MILLRACE_POSTGRES_CA_FILE?: string
  MILLRACE_POSTGRES_ADMIN_URL?: string
  MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE?: string
  MILLRACE_POSTGRES_POOL_MAX: number
}

export const postgresConfig = {
  type: 'object',
  properties: {
    MILLRACE_POSTGRES_URL: {
      type: 'string',
      pattern: '^postgres(ql)?://[^:@/]+@[^@/?#]+/[^/?#]+$',
      description:
        'Where the metadata store is, postgres://user@host:port/database, without a password. Left out, it is the embedded one.',
    },
    MILLRACE_POSTGRES_PASSWORD_FILE: {
      type: 'string',
      minLength: 1,
      description: 'A file that holds the password of that user.',
    },
    MILLRACE_POSTGRES_TLS: {
      type: 'string',
      enum: ['verify-full', 'off'],
      description:
        'verify-full: TLS 1.3, and the server must prove the name of the host. Left out, it is verify-full, but off on the loopback address where no MILLRACE_POSTGRES_CA_FILE is set.',
    },
    MILLRACE_POSTGRES_CA_FILE: {
      type: 'string',
      minLength: 1,
      description: 'Root certificates by which the server is known, PEM; left out, those of the system.',
    },
    MILLRACE_POSTGRES_ADMIN_URL: {
      type: 'string',
      pattern: '^postgres(ql)?://[^:@/]+@[^@/?#]+/[^/?#]+$',
      description:
        'The same database as its owner, for doctor --fix alone: it brings the tables up to date and makes the role of MILLRACE_POSTGRES_URL.',
    },
    MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE: {
      type: 'string',
      minLength: 1,
      description: 'A file that holds the password of the owner.',
    },
    MILLRACE_POSTGRES_POOL_MAX: {
      type: 'integer',
      minimum: 2,
      maximum: 100,
      default: 10,
      description: 'Connections to PostgreSQL that one process may have.',
    },
  },
  dependentRequired: {
    MILLRACE_POSTGRES_PASSWORD_FILE: ['MILLRACE_POSTGRES_URL'],
    MILLRACE_POSTGRES_TLS: ['MILLRACE_POSTGRES_URL'],
    MILLRACE_POSTGRES_CA_FILE: ['MILLRACE_POSTGRES_URL'],
    MILLRACE_POSTGRES_ADMIN_URL: ['MILLRACE_POSTGRES_URL', 'MILLRACE_POSTGRES_PASSWORD_FILE'],
    MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE: ['MILLRACE_POSTGRES_ADMIN_URL'],
  },
} as const
