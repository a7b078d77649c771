import type { Command } from 'commander'
import { examine } from '../doctor/examine.ts'
import type { Finding, FindingState } from '../doctor/finding.ts'
import { READY, RUNNING } from '../doctor/process.ts'
import { EXIT, type ExitCode } from '../output/exit-codes.ts'
import type { Colour, Output } from '../output/output.ts'
import { table } from '../output/table.ts'
import type { Cli } from './cli.ts'
import { examples } from './examples.ts'

interface DoctorFlags {
  readonly fix?: boolean
  readonly thorough?: boolean
  readonly timeFrom?: string
}

const COLOUR_BY_STATE: Readonly<Record<FindingState, Colour>> = { ok: 'green', warn: 'yellow', fail: 'red' }
const EXITS = `
Exit codes: 0 when nothing fails (warnings included), 69 when only the running process is at fault,
78 when the machine, the data folder or a certificate is.`

/** @param finish  Told the exit code, because findings are a result and not an error. */
export function addDoctor(program: Command, cli: Cli, finish: (exitCode: ExitCode) => void): void {
  program
    .command('doctor')
    .description('check the machine, the data folder, ports, clock, certificates and the running process, and say what to do')
    .option(
      '--fix',
      'make what is missing outside of the data folder: the topics of Kafka, the tables and the role of PostgreSQL, the buckets and tokens of InfluxDB',
    )
    .option('--thorough', 'read store files of any size as a whole')
    .option('--time-from <url>', 'compare the clock with the Date header of this web server')
    .addHelpText(
      'after',
      `${examples('millrace doctor', 'millrace doctor --json | jq ".findings[] | select(.state != \\"ok\\")"')}\n${EXITS}`,
    )
    .action(async ({ fix: mayFix = false, thorough = false, timeFrom }: DoctorFlags, command: Command) => {
      const { config, folder, output } = cli.settings(command)
      const { openDirect, checkStores, clock, fix } = cli.dependencies
      const ports = [
        { name: 'MQTT', port: config.MILLRACE_MQTT_PORT, variable: 'MILLRACE_MQTT_PORT' },
        { name: 'API', port: config.MILLRACE_HTTP_PORT, variable: 'MILLRACE_HTTP_PORT' },
        { name: 'metrics', port: config.MILLRACE_METRICS_PORT, variable: 'MILLRACE_METRICS_PORT' },
      ]
      const fixed = mayFix ? await fix() : []
      const found = await examine({ folder, ports, openDirect, checkStores, clock, isThorough: thorough, timeFrom })
      const findings = [...found, ...fixed]
      const exitCode = exitCodeFor(findings)
      output.result({ isHealthy: exitCode === EXIT.done, findings }, describe(findings, output))
      finish(exitCode)
    })
}

export function exitCodeFor(findings: readonly Finding[]): ExitCode {
  const failed = findings.filter(({ state }) => state === 'fail')
  if (failed.length === 0) return EXIT.done
  return failed.every(({ name }) => name === RUNNING || name === READY) ? EXIT.unavailable : EXIT.configuration
}

function describe(findings: readonly Finding[], { paint }: Output): string {
  const drawn = table(
    ['', 'CHECK', 'FOUND'],
    findings.map(({ state, name, found }) => [state, name, found]),
  )
  // Colours come after the columns are laid out, so that they can't shift them.
  const coloured = drawn.replace(/^(ok|warn|fail)/gm, (state) => (isState(state) ? paint(COLOUR_BY_STATE[state], state) : state))
  const advised = findings.filter(({ advice }) => advice !== '')
  const advice = advised.map(
    ({ state, name, advice: what }) => `${paint(COLOUR_BY_STATE[state], state)} ${paint('bold', name)}: ${what}`,
  )
  const closing = advised.length === 0 ? 'Everything is in order.' : advice.join('\n')
  return `${coloured}\n\n${closing}`
}

const isState = (text: string): text is FindingState => Object.hasOwn(COLOUR_BY_STATE, text)
