import { Command } from 'commander'
import { EXIT, type ExitCode } from '../output/exit-codes.ts'
import { report } from '../output/failure.ts'
import { createOutput } from '../output/output.ts'
import { VERSION } from '../output/version.ts'
import { type CliDependencies, createCli, isColoured } from './cli.ts'
import { addDoctor } from './doctor.ts'
import { addGateways } from './gateways.ts'
import { addListeners } from './listeners.ts'
import { addSimulate } from './simulate.ts'
import { addTail } from './tail.ts'
import { addTenants } from './tenants.ts'
import { addTokens } from './tokens.ts'

const FOOTER = `
Start here:
  $ millrace up                                               start everything, with a demo
  $ millrace tenants add acme --name "Acme BV"                add a customer
  $ millrace gateways enrol gw-1 --tenant acme --out gw-1     let its first gateway in
  $ millrace tokens create --tenant acme --scope read         let a program read its data

Commands work through the running Millrace; where none runs, on the data folder itself.
Exit codes: 0 done, 64 usage, 65 bad data, 69 a service is away, 70 a bug, 78 configuration.`

/**
 * The whole command line. It parses and acts, and never ends the process.
 *
 * @param finish  Told the exit code of a command that has a result and yet isn't content with it (`doctor`).
 */
export function createProgram(dependencies: CliDependencies, finish: (exitCode: ExitCode) => void = () => undefined): Command {
  const { streams, environment, addCommands } = dependencies
  const program = new Command('millrace')
    .description(
      'Takes in sensor data from gateways, loses none of what it acknowledged, keeps every customer apart, and serves it.',
    )
    .version(VERSION)
    .option('--json', 'print one JSON value (tail: one a line), and errors as JSON on standard error')
    .option('--data-dir <folder>', 'the data folder (MILLRACE_DATA_DIR; default ./data)')
    .option('--no-color', 'without colours (NO_COLOR)')
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
      getOutHelpWidth: () => streams.stdout.columns ?? 100,
      getErrHelpWidth: () => streams.stderr.columns ?? 100,
      getOutHasColors: () => isColoured({}, environment, streams),
      getErrHasColors: () => isColoured({}, environment, streams),
    })
    .addHelpText('after', FOOTER)
  const cli = createCli(dependencies)
  for (const add of addCommands) add(program, cli)
  addTenants(program, cli)
  addGateways(program, cli)
  addListeners(program, cli)
  addTokens(program, cli)
  addTail(program, cli)
  addSimulate(program, cli)
  addDoctor(program, cli, finish)
  return program
}

/** Runs one command line, without the program's name in front, and resolves with the exit code. Never throws. */
export async function runCli(argv: readonly string[], dependencies: CliDependencies): Promise<number> {
  const { streams, environment } = dependencies
  const isJson = flagsOf(argv).includes('--json')
  const output = createOutput(streams, {
    isJson,
    isColoured: isColoured({ color: !flagsOf(argv).includes('--no-color') }, environment, streams),
  })
  // A reader that has gone (`| head`) is no failure: what it wanted, it has got.
  streams.stdout.on('error', ignoreGoneReader)
  let exitCode: number = EXIT.done
  try {
    const program = createProgram(dependencies, (code) => {
      exitCode = code
    })
    silenceInJson(program, isJson)
    if (argv.length === 0) program.help({ error: true })
    await program.parseAsync([...argv], { from: 'user' })
    return exitCode
  } catch (error) {
    return report(error, output)
  } finally {
    streams.stdout.off('error', ignoreGoneReader)
  }
}

/** With `--json`, standard error has the error as JSON and nothing else. */
function silenceInJson(program: Command, isJson: boolean): void {
  const hint = (command: Command) => `\nSee ${pathOf(command)} --help.\n`
  for (const command of allOf(program)) {
    command.configureOutput({
      outputError: (text, write) => write(`${text.trimEnd()}${hint(command)}`),
      ...(isJson ? { writeErr: () => undefined } : {}),
    })
  }
}

const allOf = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(allOf)]

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`

const flagsOf = (argv: readonly string[]): readonly string[] => {
  const end = argv.indexOf('--')
  return end === -1 ? argv : argv.slice(0, end)
}

function ignoreGoneReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
