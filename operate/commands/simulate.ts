import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { DAY_MS } from '../operations/parameters.ts'
import { asCount } from '../output/amounts.ts'
import { untilInterrupted } from '../output/interrupt.ts'
import { createProgress } from '../output/progress.ts'
import { table } from '../output/table.ts'
import { GATEWAYS_DEFAULT, GATEWAYS_MAX } from '../simulator/plan.ts'
import type { SimulatorReport } from '../simulator/run.ts'
import type { Cli, Session } from './cli.ts'
import { parseDuration, parseWhole } from './duration.ts'
import { examples } from './examples.ts'
import { enrolSimulated } from './simulated-gateways.ts'

interface SimulateFlags {
  readonly tenant: string
  readonly gateways: number
  readonly seed: number
  readonly speed?: number
  readonly backfill: number
  readonly duration?: number
  readonly historyOnly?: boolean
  readonly outages: boolean
  readonly host: string
  readonly port?: number
  readonly out?: string
}

const SEED_MAX = 2 ** 32 - 1
const SPEED_MAX = 1_000_000

export function addSimulate(program: Command, cli: Cli): void {
  program
    .command('simulate')
    .description('run a factory that sends readings as real gateways would')
    .requiredOption('--tenant <id>', 'the customer that the factory belongs to')
    .addOption(new Option('--gateways <n>', 'how many gateways').argParser(parseWhole(1, GATEWAYS_MAX)).default(GATEWAYS_DEFAULT))
    .addOption(new Option('--seed <n>', 'the same number makes the same factory').argParser(parseWhole(0, SEED_MAX)).default(1))
    .addOption(new Option('--backfill <duration>', 'send so much history first: 14d').argParser(parseDuration).default(0, 'none'))
    .addOption(
      new Option('--speed <n>', 'seconds of history a second; without it, as fast as it is accepted').argParser(parseSpeed),
    )
    .addOption(new Option('--duration <duration>', 'end after this time; without it, on Ctrl-C').argParser(parseDuration))
    .option('--history-only', 'end when the history has been accepted')
    .option('--no-outages', 'gateways never lose their connection')
    .option('--host <name>', 'where gateways connect', 'localhost')
    .addOption(new Option('--port <n>', 'the port there; default: that of the running Millrace').argParser(parseWhole(1, 65_535)))
    .option('--out <folder>', 'keep the certificates of the gateways here, for later runs')
    .addHelpText(
      'after',
      examples(
        'millrace simulate --tenant demo --backfill 14d',
        'millrace simulate --tenant demo --backfill 1d --history-only --seed 7 --json',
      ),
    )
    .action(async (flags: SimulateFlags, command: Command) => {
      await cli.withOperations(command, async (session) => {
        if (session.isDirect)
          throw new MillraceError(
            'admin.unavailable',
            'Nothing is running that gateways could connect to. Start it first: millrace up.',
          )
        const report = await simulate(flags, session, cli.dependencies.clock)
        session.output.result(report, describe(report))
      })
    })
}

async function simulate(
  flags: SimulateFlags,
  { operations, output, mqttPort }: Session,
  clock: () => number,
): Promise<SimulatorReport> {
  const { tenant, gateways: count, seed, speed, backfill, duration, historyOnly = false, outages, host, port } = flags
  // Loaded only here: every other command would wait for the MQTT client as well.
  const { runSimulator } = await import('../simulator/run.ts')
  const folder = flags.out === undefined ? undefined : resolve(flags.out)
  const { caPem, gateways } = await enrolSimulated(operations, { tenant, count, folder, nowMs: clock() })
  output.note(`Simulating a factory of ${tenant} with ${asCount(gateways.length, 'gateway')}. Ctrl-C ends it.`)
  const progress = createProgress(output, 'history')
  const log = createLogger({
    level: output.isJson ? 'silent' : 'warn',
    part: 'simulator',
    isPretty: output.streams.stderr.isTTY === true,
  })
  const options = {
    ...{ host, port: port ?? (await mqttPort()), caPem, gateways, seed, clock, log },
    ...{ backfillDays: backfill / DAY_MS, isHistoryOnly: historyOnly, onProgress: progress.update.bind(progress) },
    ...(speed === undefined ? {} : { speed }),
    ...(outages ? {} : { outages: null }),
    onLive: () => historyOnly || output.note('Live.'),
  }
  try {
    return await untilInterrupted(output.streams.stdout, (interrupted) => {
      const signal = duration === undefined ? interrupted : AbortSignal.any([interrupted, AbortSignal.timeout(duration)])
      return runSimulator(options, signal)
    })
  } finally {
    progress.stop()
  }
}

function describe(report: SimulatorReport): string {
  const rows = Object.entries(report)
    .filter(([name]) => name !== 'originMs')
    .map(([name, value]) => [name, String(name === 'seconds' ? Math.round(value * 10) / 10 : value)])
  return table(['WHAT', 'COUNT'], rows)
}

function parseSpeed(text: string): number {
  const speed = Number(text)
  if (text.trim() !== '' && speed >= 1 && speed <= SPEED_MAX) return speed
  throw new InvalidArgumentError(`Write a number from 1 to ${SPEED_MAX}.`)
}
