import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, lstat, mkdir, open, rename, rm, rmdir, unlink } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { basename, dirname, join, relative } from 'node:path'
import { MillraceError } from '../../platform/runtime/errors.ts'

/** The kernel's limit on the path of a socket: 104 bytes on macOS, 108 on Linux, with the NUL at its end. */
const PATH_BYTES_MAX = 103
const CONNECT_TIMEOUT_MS = 2_000

export const adminSocketPath = (folder: string): string => join(folder, 'admin.sock')

export interface ClaimedSocket {
  /** Removes the socket file, unless another process has put its own there since. */
  release(): Promise<void>
}

/**
 * Lets `listen` open a socket that nobody else can reach at any instant, and puts it at `path`.
 *
 * The socket is made in a folder of mode 0700, gets mode 0600 there and is then renamed: no moment of wider rights, no
 * process-wide umask, and the file that a killed process left behind is replaced in one step.
 *
 * @throws {MillraceError} `listener.unavailable` when a living process answers at `path`; `config.invalid` when something
 * that isn't a socket lies there, or the path is longer than a socket's may be.
 */
export async function claimSocket(path: string, listen: (path: string) => Promise<unknown>): Promise<ClaimedSocket> {
  await refuseForeign(path)
  const folder = join(dirname(path), `.a${randomBytes(3).toString('hex')}`)
  const hidden = join(folder, 's')
  await mkdir(folder, { mode: 0o700 })
  try {
    await withSocketPath(hidden, listen)
    await chmod(hidden, 0o600)
    const { ino } = await lstat(hidden)
    await rename(hidden, path)
    return { release: () => releaseSocket(path, ino) }
  } finally {
    await rm(hidden, { force: true })
    await rmdir(folder)
  }
}

/**
 * Hands `use` a name of the same place that a socket's address has room for: the path itself, the path from the working
 * folder or, on Linux, the path from an open handle of its folder. The name holds until `use` has resolved.
 *
 * @throws {MillraceError} `config.invalid` when there is no such name.
 */
export async function withSocketPath<T>(path: string, use: (path: string) => Promise<T>): Promise<T> {
  const fitting = [path, relative(process.cwd(), path)].find((name) => Buffer.byteLength(name) <= PATH_BYTES_MAX)
  if (fitting !== undefined) return await use(fitting)
  if (process.platform !== 'linux') {
    const advice = `A socket's may have ${PATH_BYTES_MAX}: choose a shorter data folder (MILLRACE_DATA_DIR).`
    throw new MillraceError('config.invalid', `The path ${path} has ${Buffer.byteLength(path)} bytes. ${advice}`)
  }
  const folder = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return await use(`/proc/self/fd/${folder.fd}/${basename(path)}`)
  } finally {
    await folder.close()
  }
}

async function refuseForeign(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new MillraceError('config.invalid', `${path} is in the way: it is not a socket of Millrace. Move it elsewhere.`)
  }
  if (await isAnswering(path)) {
    throw new MillraceError(
      'listener.unavailable',
      `Another Millrace answers at ${path}. Stop it first, or use another data folder.`,
    )
  }
}

/** A connection is taken by the kernel for as long as the process lives, even when it hangs. */
function isAnswering(path: string): Promise<boolean> {
  return withSocketPath(path, connects)
}

function connects(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path, timeout: CONNECT_TIMEOUT_MS })
    const end = (isAlive: boolean) => {
      socket.destroy()
      resolve(isAlive)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(true))
    socket.once('error', () => end(false))
  })
}

async function releaseSocket(path: string, ino: number): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.ino === ino) await unlink(path).catch(() => undefined)
}
