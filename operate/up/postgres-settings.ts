import type { PostgresConfig } from '../../platform/adapters/postgres/config.ts'
import type { PostgresOptions } from '../../platform/adapters/postgres/open.ts'
import { readNamed } from './read-named.ts'

export interface PostgresSettings {
  readonly connection: Omit<PostgresOptions, 'log'>
  /** As the owner of the tables; only where `doctor --fix` may make them. */
  readonly owner?: Omit<PostgresOptions, 'log'>
}

/** @returns undefined when the metadata store is the embedded one. @throws {MillraceError} `config.invalid` when a file can't be read. */
export function readPostgresSettings(config: PostgresConfig): PostgresSettings | undefined {
  const { MILLRACE_POSTGRES_URL: url, MILLRACE_POSTGRES_ADMIN_URL: ownerUrl, MILLRACE_POSTGRES_POOL_MAX: poolMax } = config
  if (url === undefined) return undefined
  const caPem = readNamed('MILLRACE_POSTGRES_CA_FILE', config.MILLRACE_POSTGRES_CA_FILE)
  const password = readNamed('MILLRACE_POSTGRES_PASSWORD_FILE', config.MILLRACE_POSTGRES_PASSWORD_FILE)
  const ownerPassword = readNamed('MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE', config.MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE)
  const options = (to: string, secret: string | undefined) => ({
    url: to,
    poolMax,
    ...(secret !== undefined && { password: secret.trimEnd() }),
    ...(caPem !== undefined && { caPem }),
  })
  return {
    connection: options(url, password),
    ...(ownerUrl !== undefined && { owner: options(ownerUrl, ownerPassword) }),
  }
}
