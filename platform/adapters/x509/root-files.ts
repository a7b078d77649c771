import { createPrivateKey, X509Certificate as NodeCertificate } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MillraceError } from '../../runtime/errors.ts'

const CERTIFICATE_FILE = 'ca.pem'
const KEY_FILE = 'ca-key.pem'
/** Written in full before it gets its name. */
const UNFINISHED = '.new'
/** A certificate and a key of ours have less than 2 KB. */
const FILE_BYTES_MAX = 65_536

export interface RootPair {
  readonly certificatePem: string
  /** PKCS #8. */
  readonly privateKeyPem: string
}

/**
 * Writes both files so that a crash at any point leaves both or none: both are on the disk under other names before the
 * first gets its own, so that `loadPair` can finish what was begun. An fsync of the folder keeps the order.
 *
 * @throws {MillraceError} `certificate-authority.unusable`.
 */
export async function savePair(folder: string, { certificatePem, privateKeyPem }: RootPair): Promise<void> {
  try {
    const made = await mkdir(folder, { recursive: true, mode: 0o700 })
    if (made !== undefined) await syncFolder(dirname(made))
    await writeDurably(join(folder, KEY_FILE + UNFINISHED), privateKeyPem, 0o600)
    await writeDurably(join(folder, CERTIFICATE_FILE + UNFINISHED), certificatePem, 0o644)
    await syncFolder(folder)
    await giveName(folder, KEY_FILE)
    await giveName(folder, CERTIFICATE_FILE)
  } catch (cause) {
    throw unusable(folder, 'it could not be written. Check the permissions and the space on the disk.', cause)
  }
}

/**
 * @returns undefined when there is no root yet.
 * @throws {MillraceError} `certificate-authority.unusable` when one file is missing, or can not be read.
 */
export async function loadPair(folder: string): Promise<RootPair | undefined> {
  const certificatePem = await read(folder, CERTIFICATE_FILE)
  const privateKeyPem = await read(folder, KEY_FILE)
  if (certificatePem !== undefined && privateKeyPem !== undefined) return { certificatePem, privateKeyPem }
  if (certificatePem === undefined && privateKeyPem === undefined) return undefined
  return (await finish(folder, privateKeyPem)) ?? failHalf(folder, privateKeyPem === undefined ? KEY_FILE : CERTIFICATE_FILE)
}

/** After a crash between the two names: the certificate still has its other name. */
async function finish(folder: string, privateKeyPem: string | undefined): Promise<RootPair | undefined> {
  const certificatePem = await read(folder, CERTIFICATE_FILE + UNFINISHED)
  if (certificatePem === undefined || privateKeyPem === undefined) return undefined
  if (!belongTogether({ certificatePem, privateKeyPem })) return undefined
  try {
    await giveName(folder, CERTIFICATE_FILE)
  } catch (cause) {
    throw unusable(folder, 'it could not be written. Check the permissions.', cause)
  }
  return { certificatePem, privateKeyPem }
}

function belongTogether({ certificatePem, privateKeyPem }: RootPair): boolean {
  try {
    return new NodeCertificate(certificatePem).checkPrivateKey(createPrivateKey(privateKeyPem))
  } catch {
    return false
  }
}

function failHalf(folder: string, missing: string): never {
  throw unusable(
    folder,
    `${missing} is missing. Restore it from a backup. Only if no gateway was ever enrolled: delete the other file too, and a new root is made.`,
  )
}

async function read(folder: string, name: string): Promise<string | undefined> {
  try {
    const text = await readFile(join(folder, name), 'utf8')
    if (text.length <= FILE_BYTES_MAX) return text
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw unusable(folder, `${name} can not be read. Check its permissions.`, cause)
  }
  throw unusable(folder, `${name} is larger than ${FILE_BYTES_MAX} bytes.`)
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  await rm(path, { force: true })
  const file = await open(path, 'wx', mode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function giveName(folder: string, name: string): Promise<void> {
  await rename(join(folder, name + UNFINISHED), join(folder, name))
  await syncFolder(folder)
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function unusable(folder: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'certificate-authority.unusable',
    `The certificate authority in ${folder} can not be used: ${reason}`,
    {
      cause,
    },
  )
}
