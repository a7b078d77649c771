import { lockFolder } from '../../platform/adapters/sqlite/folder-lock.ts'
import { openSqliteLogView } from '../../platform/adapters/sqlite/log/open-view.ts'
import { openAuthority } from '../../platform/adapters/x509/authority.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import type { Environment } from '../../platform/runtime/read-config.ts'
import type { DirectStores } from '../commands/reach.ts'
import { createLazyLogView } from '../operations/lazy-log.ts'
import { kafkaOptions } from './event-log.ts'
import { openMetadataStore } from './metadata-store.ts'
import { readUpSettings } from './settings.ts'

/**
 * The stores of a folder that nothing runs on; the command holds the folder's lock for as long as it works. The log is only looked at:
 * a command must not apply a retention whose settings it doesn't know.
 *
 * @throws {MillraceError} `data-folder.locked`, and what the stores throw when they can't be opened.
 */
export async function openDirect(folder: string, environment: Environment): Promise<DirectStores> {
  const { kafka, postgres, up } = readUpSettings(environment)
  const warnings = createLogger({ level: 'warn', part: 'stores', isPretty: false })
  const lock = lockFolder(folder)
  try {
    const authority = await openAuthority({ folder })
    const onDeath = (error: Error): void => process.emitWarning(error)
    const metadata = await openMetadataStore({ folder, postgres, log: warnings, onDeath })
    const log = createLazyLogView(() =>
      kafka === undefined ? openSqliteLogView(folder) : openKafkaView(kafkaOptions(up, kafka)),
    )
    const close = async () => {
      await log.close()
      await metadata.close()
      lock.release()
    }
    return { ports: { metadata, authority, log, clock: Date.now }, close }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openKafkaView(options: ReturnType<typeof kafkaOptions>) {
  const { openKafkaLog } = await import('../../platform/adapters/kafka/open.ts')
  return openKafkaLog({ ...options, log: createLogger({ level: 'warn', part: 'event-log', isPretty: false }) })
}
