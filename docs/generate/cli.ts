import { PassThrough } from 'node:stream'
import type { Command } from 'commander'
import type { AddCommand, CliDependencies } from '../../operate/commands/cli.ts'
import { createProgram } from '../../operate/commands/program.ts'
import { type Page, page } from './markdown.ts'
import { loadModules } from './modules.ts'

/** No command is run while the program describes itself. */
async function unasked(): Promise<never> {
  throw new Error('The reference is made without stores.')
}

export async function cliPage(): Promise<Page> {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() }
  const dependencies: CliDependencies = {
    openDirect: unasked,
    checkStores: unasked,
    fix: async () => [],
    addCommands: await rootCommands(),
    environment: {},
    streams,
    clock: () => 0,
  }
  const program = createProgram(dependencies)
  function helpOf(command: Command): string {
    command.outputHelp()
    const text = String(streams.stdout.read() ?? '').trim()
    return command === program ? text : text.replace(/\n*Global Options:\n(?: {2}.*(?:\n|$))+/, '\n').trim()
  }
  return page('docs/reference/cli.md', {
    title: 'Command line',
    source: 'the commands in operate/',
    blocks: [
      'One program, `npx millrace`. What a command was asked for goes to standard output, everything else to standard error. ' +
        '[Errors](errors.md) lists the exit codes. The options of `millrace` itself hold for every command.',
      ...allOf(program)
        .filter((command) => command.commands.length === 0 || command === program)
        .flatMap((command) => [`## ${pathOf(command)}`, `\`\`\`text\n${helpOf(command)}\n\`\`\``]),
    ],
  })
}

/** Commands that only the composition root can build, such as `up`: exported there as `add…`. */
async function rootCommands(): Promise<readonly AddCommand[]> {
  const modules = await loadModules('operate/up/*.ts', /^export (function|const) add[A-Z]/m)
  return modules.flatMap(({ exports }) => Object.entries(exports).flatMap(([name, value]) => (isAdd(name, value) ? [value] : [])))
}

function isAdd(name: string, value: unknown): value is AddCommand {
  return /^add[A-Z]/.test(name) && typeof value === 'function'
}

function allOf(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allOf)]
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}
