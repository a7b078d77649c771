import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface LoadedModule {
  /** From the root of the repository. */
  readonly path: string
  readonly exports: Readonly<Record<string, unknown>>
}

/**
 * Loads the modules of the product whose path fits `glob` and whose text fits `pattern`, in the order of their paths.
 * A `main.ts` is never loaded: it starts something.
 */
export async function loadModules(glob: string, pattern: RegExp): Promise<readonly LoadedModule[]> {
  const paths = globSync(glob, { cwd: ROOT })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !path.endsWith('main.ts') && pattern.test(readFileSync(`${ROOT}/${path}`, 'utf8')))
    .sort()
  return Promise.all(paths.map(async (path) => ({ path, exports: await import(pathToFileURL(`${ROOT}/${path}`).href) })))
}

export const PRODUCT_FOLDERS = '{schemas,platform,ingest,stream-processors,query-api,portal,operate}'

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
