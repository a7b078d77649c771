import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** Something that is built once and used by tests, benches and CI alike. */
export interface Artefact {
  readonly name: string
  readonly version: string
  /** Programs that the build needs, with the Debian package of each. */
  readonly needs: Readonly<Record<string, string>>
  /** How long it takes on two cores, for people. */
  readonly takes: string
  /** Leaves what it made in `folder`, which is empty. */
  build(folder: string): Promise<void>
}

/** A build that takes longer has died. */
const LOCK_STALE_MS = 20 * 60_000
const LOCK_ASK_EVERY_MS = 500

export const cacheFolder = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'millrace')

/** The version is part of the name, so a newer one is built beside an older one. */
export const artefactFolder = ({ name, version }: Pick<Artefact, 'name' | 'version'>): string =>
  join(cacheFolder(), `${name}-${version}`)

export const isBuilt = (artefact: Artefact): boolean => existsSync(artefactFolder(artefact))

/** Builds what isn't there. Two that want the same wait for one another; what is half built never takes the name of a whole. */
export async function ensureBuilt(artefact: Artefact, tell: (text: string) => void): Promise<string> {
  const folder = artefactFolder(artefact)
  if (isBuilt(artefact)) return folder
  await mkdir(cacheFolder(), { recursive: true })
  const unlock = await lock(`${folder}.lock`)
  try {
    if (isBuilt(artefact)) return folder
    tell(`Building ${artefact.name} ${artefact.version}, once: ${artefact.takes} …`)
    const unfinished = await mkdtemp(`${folder}.building-`)
    try {
      await artefact.build(unfinished)
      await rename(unfinished, folder)
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true })
      throw error
    }
    tell(`${artefact.name} ${artefact.version} is built.`)
    return folder
  } finally {
    await unlock()
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    const handle = await open(path, 'wx').catch(() => undefined)
    if (handle !== undefined) {
      await handle.close()
      return () => rm(path, { force: true })
    }
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    )
    if (age > LOCK_STALE_MS) await rm(path, { force: true })
    await setTimeout(LOCK_ASK_EVERY_MS)
  }
}
