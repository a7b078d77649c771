import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError } from '../../platform/runtime/errors.ts'

const OTHERS_MAY_WRITE = 0o022

export interface Credentials {
  readonly caPem: string
  readonly certificatePem: string
  readonly privateKeyPem?: string | undefined
}

export interface CredentialsFolder {
  /** Writes what there is, whole or not at all, and resolves with the paths once they would survive a power cut. */
  write(credentials: Credentials): Promise<readonly string[]>
}

export interface FolderOptions {
  readonly folder: string
  /** A certificate that was asked for with a request comes without a key, and the owner's key.pem stays as it is. */
  readonly withKey: boolean
  readonly mayOverwrite: boolean
}

/**
 * Makes sure that credentials can be written before any are issued: a key that can't be saved is lost for ever.
 *
 * @throws {MillraceError} `data.invalid` when a file is there already (without `mayOverwrite`) or the folder can't be used.
 */
export async function prepareCredentialsFolder({ folder, withKey, mayOverwrite }: FolderOptions): Promise<CredentialsFolder> {
  const names = withKey ? ['ca.pem', 'cert.pem', 'key.pem'] : ['ca.pem', 'cert.pem']
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new MillraceError('data.invalid', `The folder ${folder} can't be written to. Choose another with --out.`, { cause })
  }
  if (((await stat(folder)).mode & OTHERS_MAY_WRITE) !== 0) {
    throw new MillraceError(
      'data.invalid',
      `Others may write to ${folder}, and could swap the key. Run chmod 700 ${folder}, or choose another with --out.`,
    )
  }
  if (!mayOverwrite) for (const name of names) await refuseExisting(join(folder, name))

  return {
    async write({ caPem, certificatePem, privateKeyPem }) {
      const texts = withKey ? [caPem, certificatePem, privateKeyPem ?? ''] : [caPem, certificatePem]
      const staged = await Promise.all(texts.map((text, index) => stage(folder, names[index] ?? '', text)))
      try {
        for (const file of staged) await publish(file, mayOverwrite)
      } finally {
        for (const { hidden } of staged) await rm(hidden, { force: true })
      }
      await flushFolder(folder)
      return staged.map(({ path }) => path)
    },
  }
}

interface Staged {
  readonly hidden: string
  readonly path: string
}

async function stage(folder: string, name: string, text: string): Promise<Staged> {
  const hidden = join(folder, `.${name}-${randomBytes(4).toString('hex')}`)
  const file = await open(hidden, 'wx', name === 'key.pem' ? 0o600 : 0o644)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  return { hidden, path: join(folder, name) }
}

/** A link never replaces what is there, not even what came there a moment ago; file systems of memory sticks have none. */
async function publish({ hidden, path }: Staged, mayOverwrite: boolean): Promise<void> {
  if (mayOverwrite) return await rename(hidden, path)
  try {
    await link(hidden, path)
  } catch (error) {
    if (hasCode(error, 'EEXIST')) throw existing(path)
    await refuseExisting(path)
    await rename(hidden, path)
  }
}

async function refuseExisting(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  )
  if (isThere) throw existing(path)
}

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code

function existing(path: string): MillraceError {
  return new MillraceError(
    'data.invalid',
    `${path} exists already. Choose another folder with --out, or replace it with --force.`,
  )
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
