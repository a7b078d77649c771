import { runCli } from './commands/program.ts'
import { endProcess } from './end-process.ts'
import { addUp } from './up/command.ts'
import { addRoles } from './up/role-commands.ts'

// Adapters are loaded when they are needed: a command that reaches a running process should not wait for them.
const exitCode = await runCli(process.argv.slice(2), {
  openDirect: async (folder) => (await import('./up/open-direct.ts')).openDirect(folder, process.env),
  fix: async () => (await import('./up/fix.ts')).fix(process.env),
  checkStores: async (folder, bytesMax) =>
    (await import('../platform/adapters/sqlite/check-stores.ts')).checkStores(folder, bytesMax),
  addCommands: [addUp, addRoles],
  environment: process.env,
  streams: process,
  clock: Date.now,
})
endProcess(exitCode)
