#!/usr/bin/env node
import { checkStores } from '../platform/adapters/sqlite/check-stores.ts'
import { lockFolder } from '../platform/adapters/sqlite/folder-lock.ts'
import { openSqliteLogView } from '../platform/adapters/sqlite/log/open-view.ts'
import { openSqliteMetadata } from '../platform/adapters/sqlite/metadata/open.ts'
import { openAuthority } from '../platform/adapters/x509/authority.ts'
import { runCli } from './commands/program.ts'
import type { DirectStores } from './commands/reach.ts'
import { createLazyLogView } from './operations/lazy-log.ts'
import { addUp } from './up/command.ts'

process.exitCode = await runCli(process.argv.slice(2), {
  openDirect,
  checkStores,
  addCommands: [addUp],
  environment: process.env,
  streams: process,
  clock: Date.now,
})

/** The stores of a folder that nothing runs on; the command holds the folder's lock for as long as it works. */
async function openDirect(folder: string): Promise<DirectStores> {
  const lock = lockFolder(folder)
  try {
    const authority = await openAuthority({ folder })
    const metadata = await openSqliteMetadata({ folder, onDeath: (error) => process.emitWarning(error) })
    const log = createLazyLogView(() => openSqliteLogView(folder))
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
