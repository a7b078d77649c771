import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'

/** When, of what, and on which machine. */
export const runFacts = () => ({
  at: new Date().toISOString(),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
})

const FOLDER = new URL('./results/', import.meta.url)
const SECOND_LENGTH = 19

/** Keeps a result in `bench/results/`, under what was measured and when. */
export async function saveResult(kind: string, result: object): Promise<void> {
  const at = new Date().toISOString().slice(0, SECOND_LENGTH).replaceAll(':', '-')
  await mkdir(FOLDER, { recursive: true })
  await writeFile(new URL(`${kind}-${at}.json`, FOLDER), `${JSON.stringify(result, undefined, 2)}\n`)
}
