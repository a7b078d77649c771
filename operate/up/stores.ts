import { lockFolder } from '../../platform/adapters/sqlite/folder-lock.ts'
import { openSqliteLog, type SqliteLog } from '../../platform/adapters/sqlite/log/open.ts'
import { openSqliteMetadata } from '../../platform/adapters/sqlite/metadata/open.ts'
import { openAuthority } from '../../platform/adapters/x509/authority.ts'
import type { CertificateAuthority } from '../../platform/ports/certificate-authority.ts'
import type { Metadata } from '../../platform/ports/metadata.ts'
import type { Running } from '../../platform/runtime/lifecycle.ts'
import { ALERTS_TOPIC, READINGS_TOPIC, REJECTED_TOPIC } from '../../schemas/topics.ts'
import type { UpConfig } from './config.ts'

/** What both the running process and a command that works on the stores directly need. */
export interface Stores extends Running {
  readonly folder: string
  readonly metadata: Metadata
  readonly authority: CertificateAuthority
  readonly eventLog: SqliteLog
}

type LogConfig = Pick<
  UpConfig,
  | 'MILLRACE_LOG_PARTITIONS'
  | 'MILLRACE_LOG_RETENTION_DAYS'
  | 'MILLRACE_LOG_REJECTED_RETENTION_DAYS'
  | 'MILLRACE_LOG_BYTES_MAX'
  | 'MILLRACE_LOG_LINGER_MS'
>

const DAY_MS = 86_400_000
const RETENTION_EVERY_MS = 60_000

/** Takes the data folder for this process and opens what is in it. @throws {MillraceError} `data-folder.locked`. */
export async function openStores(folder: string, config: LogConfig, onDeath: (error: Error) => void): Promise<Stores> {
  const lock = lockFolder(folder)
  const closers: (() => Promise<void> | void)[] = [lock.release]
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
  }
  try {
    const authority = await openAuthority({ folder })
    const metadata = await openSqliteMetadata({ folder, onDeath })
    closers.push(metadata.close)
    const eventLog = await openSqliteLog({ folder, onDeath, ...logOptions(config) })
    closers.push(eventLog.close)
    return { name: 'stores', folder, metadata, authority, eventLog, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function logOptions(config: LogConfig) {
  const retentionMs = config.MILLRACE_LOG_RETENTION_DAYS * DAY_MS
  return {
    topics: [
      { name: READINGS_TOPIC, partitions: config.MILLRACE_LOG_PARTITIONS, retentionMs },
      { name: REJECTED_TOPIC, partitions: 1, retentionMs: config.MILLRACE_LOG_REJECTED_RETENTION_DAYS * DAY_MS },
      { name: ALERTS_TOPIC, partitions: 1, retentionMs },
    ],
    bytesMax: config.MILLRACE_LOG_BYTES_MAX,
    lingerMs: config.MILLRACE_LOG_LINGER_MS,
    retentionEveryMs: RETENTION_EVERY_MS,
  }
}
