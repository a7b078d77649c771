import { openSqliteMetadata } from '../../platform/adapters/sqlite/metadata/open.ts'
import type { Metadata } from '../../platform/ports/metadata.ts'
import type { Logger } from '../../platform/runtime/log.ts'
import type { PostgresSettings } from './postgres-settings.ts'

export interface MetadataPlace {
  readonly folder: string
  readonly postgres?: PostgresSettings | undefined
  readonly log: Logger
  readonly onDeath: (error: Error) => void
}

/** PostgreSQL where its URL is set, otherwise SQLite in the data folder. */
export async function openMetadataStore({
  folder,
  postgres,
  log,
  onDeath,
}: MetadataPlace): Promise<Metadata & { close(): Promise<void> }> {
  if (postgres === undefined) return openSqliteMetadata({ folder, onDeath })
  // Loaded where it is used: without PostgreSQL, its client takes no memory.
  const { openPostgresMetadata } = await import('../../platform/adapters/postgres/open.ts')
  return openPostgresMetadata({ ...postgres.connection, log })
}
