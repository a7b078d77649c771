import { lockFolder } from '../../platform/adapters/sqlite/folder-lock.ts'
import { openAuthority } from '../../platform/adapters/x509/authority.ts'
import type { CertificateAuthority } from '../../platform/ports/certificate-authority.ts'
import type { Metadata } from '../../platform/ports/metadata.ts'
import type { Running } from '../../platform/runtime/lifecycle.ts'
import { type LogPlace, type OpenedLog, openEventLog } from './event-log.ts'
import { type MetadataPlace, openMetadataStore } from './metadata-store.ts'

/** What both the running process and a command that works on the stores directly need. */
export interface Stores extends Running {
  readonly folder: string
  readonly metadata: Metadata
  /** Absent where it is kept by another process. */
  readonly authority?: CertificateAuthority
  readonly eventLog: OpenedLog
}

/** Takes the data folder for this process and opens what is in it. @throws {MillraceError} `data-folder.locked`. */
export async function openStores(place: LogPlace & MetadataPlace & { readonly hasAuthority: boolean }): Promise<Stores> {
  const { folder } = place
  const lock = lockFolder(folder)
  const closers: (() => Promise<void> | void)[] = [lock.release]
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
  }
  try {
    const authority = place.hasAuthority ? await openAuthority({ folder }) : undefined
    const metadata = await openMetadataStore(place)
    closers.push(metadata.close)
    const eventLog = await openEventLog(place)
    closers.push(eventLog.close)
    return { name: 'stores', folder, metadata, eventLog, stop, ...(authority && { authority }) }
  } catch (error) {
    await stop()
    throw error
  }
}
