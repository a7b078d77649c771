import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Servers live in `sbin`, which is not on everybody's PATH. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

/** Where a program of the machine lies; undefined when it isn't installed. */
export function findProgram(program: string, folders: readonly string[] = FOLDERS): string | undefined {
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find(isExecutable)
}

/**
 * For the option `skip` of a test that runs a program which npm doesn't bring: `{ skip: needs('mosquitto_pub') }`.
 * On a developer's machine the test is skipped in sight. Where `CI=true` or `REQUIRE_PROGRAMS=1`, nothing may be left out.
 *
 * @returns false when the program is there, otherwise the reason to skip.
 * @throws {Error} when the program is missing although it is required.
 */
export function needs(program: string, environment: NodeJS.ProcessEnv = process.env): false | string {
  if (findProgram(program) !== undefined) return false
  const reason = `The program ${program} is not installed: apt-get install ${DEBIAN_PACKAGES[program] ?? program}`
  if (environment.CI === 'true' || environment.REQUIRE_PROGRAMS === '1') throw new Error(reason)
  return reason
}

const DEBIAN_PACKAGES: Readonly<Record<string, string>> = {
  mosquitto_pub: 'mosquitto-clients',
  mosquitto_sub: 'mosquitto-clients',
  promtool: 'prometheus',
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
