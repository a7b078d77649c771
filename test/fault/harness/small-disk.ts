import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A file system of its own, in memory, which is soon full. */
export interface SmallDisk {
  readonly folder: string
  /** Takes all the room that is left. */
  fill(): void
  /** Gives that room back. */
  free(): void
}

const CHUNK_BYTES = 65_536
const BALLAST = 'ballast'

/**
 * For the option `skip` of a test: a file system can be mounted by root only.
 *
 * @throws {Error} where `CI=true` or `REQUIRE_PROGRAMS=1`: there it must be possible.
 */
export function needsMount(folder: string): false | string {
  try {
    mkdirSync(folder, { recursive: true })
    mount(folder, 1)
    execFileSync('umount', [folder])
    return false
  } catch (cause) {
    const reason = 'A small file system can not be mounted here; root may do so.'
    if (process.env.CI === 'true' || process.env.REQUIRE_PROGRAMS === '1') throw new Error(reason, { cause })
    return reason
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Mounts it on a folder that is made for it, and removed with everything in it when the test ends. */
export function mountSmallDisk(t: Test, folder: string, sizeMiB: number): SmallDisk {
  const disk = openSmallDisk(folder, sizeMiB)
  t.teardown(() => disk.remove())
  return disk
}

/** The same without a test; others than root may look into it. */
export function openSmallDisk(folder: string, sizeMiB: number): SmallDisk & { remove(): void } {
  mkdirSync(folder, { recursive: true })
  mount(folder, sizeMiB)
  const path = join(folder, BALLAST)

  return {
    folder,
    remove() {
      // Lazily: what still has a file open keeps it until it ends.
      execFileSync('umount', ['--lazy', folder])
      rmSync(folder, { recursive: true })
    },
    fill() {
      const file = openSync(path, 'a')
      for (let size = CHUNK_BYTES; size >= 1; ) {
        try {
          if (writeSync(file, Buffer.alloc(size)) < size) size >>= 1
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
          size >>= 1
        }
      }
      closeSync(file)
    },
    free() {
      const file = openSync(path, 'r+')
      ftruncateSync(file, 0)
      closeSync(file)
      rmSync(path)
    },
  }
}

function mount(folder: string, sizeMiB: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m,mode=755`, 'millrace-test', folder], { stdio: 'ignore' })
}
