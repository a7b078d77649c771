import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { runCli } from '../../../operate/commands/program.ts'
import { openDirect } from '../../../operate/up/open-direct.ts'
import { checkStores } from '../../../platform/adapters/sqlite/check-stores.ts'

export interface Terminal {
  /** What the person types; without it, there is no terminal. */
  readonly typed?: string
  readonly environment?: Readonly<Record<string, string>>
}

/** The same command line in this process, which is quicker, and where a terminal can be had. */
export async function runHere(folder: string, argv: readonly string[], { typed, environment = {} }: Terminal = {}) {
  const isTTY = typed !== undefined
  const stdin = Object.assign(new PassThrough(), { isTTY })
  const stdout = Object.assign(new PassThrough(), { isTTY, columns: 100 })
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 100 })
  if (isTTY) stdin.write(typed)
  const texts = Promise.all([text(stdout), text(stderr)])
  const exitCode = await runCli(argv, {
    openDirect: (folder) => openDirect(folder, {}),
    checkStores,
    fix: async () => [],
    addCommands: [],
    environment: { MILLRACE_DATA_DIR: folder, ...environment },
    streams: { stdin, stdout, stderr },
    clock: Date.now,
  })
  stdout.end()
  stderr.end()
  const [out, err] = await texts
  return { exitCode, stdout: out, stderr: err }
}
