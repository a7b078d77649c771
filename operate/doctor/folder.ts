import { constants } from 'node:fs'
import { access, readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asSize, GIB } from '../output/amounts.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const FREE_BYTES_FAIL = GIB
const FREE_BYTES_WARN = 10 * GIB
const FREE_SHARE_WARN = 0.1
const OTHERS = 0o077

export interface FolderState {
  readonly path: string
  readonly isThere: boolean
  readonly isWritable: boolean
  readonly mode: number
  /** Private keys and sockets in it that others may open. */
  readonly openSecrets: readonly string[]
}

export function checkFolder({ path, isThere, isWritable, mode, openSecrets }: FolderState): Finding {
  if (!isThere && isWritable) return ok('data folder', `${path} will be made`)
  if (!isThere)
    return fail(
      'data folder',
      `${path} can't be made`,
      'Make it, for the user that runs Millrace, or name another: MILLRACE_DATA_DIR.',
    )
  if (!isWritable)
    return fail('data folder', `${path} can't be written to`, 'Run this as the user that runs Millrace, or chown the folder.')
  if (openSecrets.length > 0) {
    return fail(
      'data folder',
      `others may read ${openSecrets.join(', ')}`,
      `Run chmod 600 ${openSecrets.map((name) => join(path, name)).join(' ')} and rotate what may have leaked.`,
    )
  }
  if ((mode & OTHERS) !== 0)
    return warn('data folder', `${path} is open to others (mode ${(mode & 0o777).toString(8)})`, `Run chmod 700 ${path}.`)
  return ok('data folder', path)
}

export async function readFolder(path: string): Promise<FolderState> {
  const found = await stat(path).catch(() => undefined)
  const isThere = found?.isDirectory() === true
  const place = isThere ? path : await nearestExisting(path)
  const isWritable = await access(place, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  return { path, isThere, isWritable, mode: found?.mode ?? 0, openSecrets: isThere ? await openSecretsIn(path) : [] }
}

async function openSecretsIn(path: string): Promise<readonly string[]> {
  const secrets = (await readdir(path).catch(() => [])).filter((name) => name.endsWith('key.pem') || name.endsWith('.sock'))
  const open: string[] = []
  for (const name of secrets) {
    const found = await stat(join(path, name)).catch(() => undefined)
    if (found !== undefined && (found.mode & OTHERS) !== 0) open.push(name)
  }
  return open
}

async function nearestExisting(path: string): Promise<string> {
  const parent = dirname(path)
  if (parent === path) return path
  return (await stat(path).catch(() => undefined)) === undefined ? nearestExisting(parent) : path
}

type Suitability = 'memory' | 'network' | 'layer'
/** Linux's magic numbers of file systems that lose data or locks: include/uapi/linux/magic.h. */
const UNSUITABLE = new Map<number, readonly [name: string, why: Suitability]>([
  [0x01021994, ['tmpfs', 'memory']],
  [0x858458f6, ['ramfs', 'memory']],
  [0x6969, ['NFS', 'network']],
  [0xff534d42, ['CIFS', 'network']],
  [0xfe534d42, ['SMB', 'network']],
  [0x01021997, ['9p', 'network']],
  [0x794c7630, ['overlayfs', 'layer']],
])

/** @param type  The magic number that statfs gives. */
export function checkFileSystem(type: number): Finding {
  const [name, why] = UNSUITABLE.get(type) ?? []
  if (name === undefined) return ok('file system', `local (0x${type.toString(16)})`)
  if (why === 'memory')
    return warn(
      'file system',
      `${name} lives in memory`,
      'A restart of the machine loses everything. Put the data folder on a disk.',
    )
  if (why === 'layer')
    return warn(
      'file system',
      `${name}, a container's own layer`,
      'Removing the container loses everything. Mount a volume on the data folder.',
    )
  return fail(
    'file system',
    `${name}, over a network`,
    'SQLite needs the locks and the fsync of a local disk. Put the data folder on one.',
  )
}

export interface SpaceState {
  readonly freeBytes: number
  readonly totalBytes: number
}

export function checkSpace({ freeBytes, totalBytes }: SpaceState): Finding {
  const share = totalBytes === 0 ? 0 : freeBytes / totalBytes
  const found = `${asSize(freeBytes)} free of ${asSize(totalBytes)} (${Math.floor(share * 100)} %)`
  const advice = 'Free space, or move the data folder: when the disk is full, Millrace accepts nothing more.'
  if (freeBytes < FREE_BYTES_FAIL) return fail('disk space', found, advice)
  if (freeBytes < FREE_BYTES_WARN || share < FREE_SHARE_WARN) return warn('disk space', found, advice)
  return ok('disk space', found)
}

export async function readDisk(path: string): Promise<SpaceState & { readonly type: number }> {
  const { type, bavail, blocks, bsize } = await statfs(await nearestExisting(path))
  // What is reserved for root is no use to us, hence `bavail` and not `bfree`.
  return { type, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
