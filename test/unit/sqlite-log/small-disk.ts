import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

const mount = (folder: string, sizeKiB: number): boolean =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKiB}k`, 'tmpfs', folder]).status === 0
const unmount = (folder: string): unknown => spawnSync('umount', ['-l', folder])

/** For the option `skip` of a test that needs a disk which is soon full: only root may mount one, and not in every container. */
export function needsSmallDisk(): false | string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mount-'))
  const isMounted = mount(folder, 64)
  if (isMounted) unmount(folder)
  rmdirSync(folder)
  return isMounted ? false : 'A disk that is soon full can not be mounted here: that needs root.'
}

/** A folder on a file system of its own that holds no more than this. */
export function smallDisk(t: Test, sizeKiB: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mount-'))
  t.teardown(() => {
    unmount(folder)
    rmdirSync(folder)
  })
  if (!mount(folder, sizeKiB)) throw new Error('The small disk could not be mounted.')
  return folder
}
