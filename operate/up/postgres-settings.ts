import type { PostgresConfig } from '../../platform/adapters/postgres/config.ts'
import type { PostgresOptions } from '../../platform/adapters/postgres/pool.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { isLoopback } from '../../platform/runtime/loopback.ts'
import { readNamed, readRoots } from './read-named.ts'

export interface PostgresSettings {
  readonly connection: Omit<PostgresOptions, 'log'>
  /** As the owner of the tables; only where `doctor --fix` may make them. */
  readonly owner?: Omit<PostgresOptions, 'log'>
}

/** @returns undefined when the metadata store is the embedded one. @throws {MillraceError} `config.invalid` when a file can't be read. */
export function readPostgresSettings(config: PostgresConfig): PostgresSettings | undefined {
  const { MILLRACE_POSTGRES_URL: url, MILLRACE_POSTGRES_ADMIN_URL: ownerUrl, MILLRACE_POSTGRES_POOL_MAX: poolMax } = config
  if (url === undefined) return undefined
  const caPem = readRoots('MILLRACE_POSTGRES_CA_FILE', config.MILLRACE_POSTGRES_CA_FILE)
  const password = readNamed('MILLRACE_POSTGRES_PASSWORD_FILE', config.MILLRACE_POSTGRES_PASSWORD_FILE)
  const ownerPassword = readNamed('MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE', config.MILLRACE_POSTGRES_ADMIN_PASSWORD_FILE)
  const options = (to: string, secret: string | undefined) => ({
    url: to,
    poolMax,
    ...(secret !== undefined && { password: secret.trimEnd() }),
    ...(isEncrypted(config, to) && { tls: caPem === undefined ? {} : { caPem } }),
  })
  return {
    connection: options(url, password),
    ...(ownerUrl !== undefined && { owner: options(ownerUrl, ownerPassword) }),
  }
}

/** Nothing goes to another machine in the clear unless somebody has said so. */
function isEncrypted({ MILLRACE_POSTGRES_TLS: tls, MILLRACE_POSTGRES_CA_FILE: caFile }: PostgresConfig, url: string): boolean {
  if (tls === 'off' && caFile !== undefined)
    throw new MillraceError(
      'config.invalid',
      'MILLRACE_POSTGRES_CA_FILE is for TLS, and MILLRACE_POSTGRES_TLS is off. Leave one of them out.',
    )
  return tls === 'verify-full' || (tls === undefined && (caFile !== undefined || !isLoopback(new URL(url).hostname)))
}
