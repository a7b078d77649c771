#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// Types are stripped once and kept, not anew by each command and each thread: a thread then takes 12 MB less, a command 0.2 s less.
const { directory } = enableCompileCache()
if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory

const { runCli } = await import('./commands/program.ts')
const { addUp } = await import('./up/command.ts')

// Adapters are loaded when they are needed: a command that reaches a running process should not wait for them.
process.exitCode = await runCli(process.argv.slice(2), {
  openDirect: async (folder) => (await import('./up/open-direct.ts')).openDirect(folder),
  checkStores: async (folder, bytesMax) =>
    (await import('../platform/adapters/sqlite/check-stores.ts')).checkStores(folder, bytesMax),
  addCommands: [addUp],
  environment: process.env,
  streams: process,
  clock: Date.now,
})
