import { stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { connectAdmin } from '../admin/connect-admin.ts'
import type { ProcessDescription } from '../admin/process-description.ts'
import { adminSocketPath } from '../admin/socket-path.ts'
import type { OperationPorts } from '../operations/operation.ts'
import { createOperations, type Operations } from '../operations/operations.ts'

/** Another command holds the folder for a moment; a starting Millrace opens its socket within this time. */
const LOCK_WAIT_MS = 10_000
const LOCK_RETRY_MS = 100

export interface DirectStores {
  readonly ports: OperationPorts
  close(): Promise<void>
}

/** Takes the data folder for this process and opens its stores. @throws {MillraceError} `data-folder.locked`. */
export type OpenDirect = (folder: string) => Promise<DirectStores>

export interface Reached {
  readonly operations: Operations
  /** False when a running process does the work. */
  readonly isDirect: boolean
  /** What runs says of itself; undefined when nothing does. */
  describe(): Promise<ProcessDescription | undefined>
  close(): Promise<void>
}

export interface ReachOptions {
  readonly folder: string
  readonly openDirect: OpenDirect
  /** Whether the command may begin a new data folder. */
  readonly mayCreate: boolean
}

/**
 * The running process where there is one, the stores themselves where there is none.
 *
 * @throws {MillraceError} `admin.unavailable` when the process hangs, `data-folder.locked` when one runs without a socket,
 * `config.invalid` when there is no such folder and the command may not make it.
 */
export async function reachOperations({ folder, openDirect, mayCreate }: ReachOptions): Promise<Reached> {
  const isThere = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isThere && !mayCreate) throw missingFolder(folder)

  const deadlineMs = performance.now() + LOCK_WAIT_MS
  for (;;) {
    const admin = await connectAdmin(adminSocketPath(folder))
    if (admin !== undefined) return { operations: admin, isDirect: false, describe: admin.describe, close: async () => undefined }
    try {
      const { ports, close } = await openDirect(folder)
      return { operations: createOperations(ports), isDirect: true, describe: async () => undefined, close }
    } catch (error) {
      const isLocked = error instanceof MillraceError && error.code === 'data-folder.locked'
      if (!isLocked || performance.now() > deadlineMs) throw error
      await delay(LOCK_RETRY_MS)
    }
  }
}

function missingFolder(folder: string): MillraceError {
  const advice =
    'Name another with --data-dir or MILLRACE_DATA_DIR, start Millrace (millrace up), or add the first tenant (millrace tenants add).'
  return new MillraceError('config.invalid', `There is no data folder at ${folder}. ${advice}`)
}
