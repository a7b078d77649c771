import { type Command, Option } from 'commander'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { TailParameters } from '../operations/tail.ts'
import type { TailEntry } from '../operations/tail-entry.ts'
import { untilInterrupted } from '../output/interrupt.ts'
import type { Output } from '../output/output.ts'
import { printable } from '../output/printable.ts'
import type { Cli } from './cli.ts'
import { parseDuration, parseWhole } from './duration.ts'
import { examples } from './examples.ts'

interface TailFlags {
  readonly tenant?: string
  readonly gateway?: string
  readonly sensor?: string
  readonly topic: 'readings' | 'rejected'
  readonly since?: number
  readonly limit?: number
  readonly follow: boolean
}

export function addTail(program: Command, cli: Cli): void {
  program
    .command('tail')
    .description('watch readings come in, or see what was rejected and why')
    .option('--tenant <id>', 'only of one customer')
    .option('--gateway <id>', 'only of one gateway')
    .option('--sensor <id>', 'only of one sensor (readings)')
    .addOption(new Option('--topic <topic>', 'what to watch').choices(['readings', 'rejected']).default('readings'))
    .addOption(new Option('--since <duration>', 'begin in the past: 90s, 10m, 14d').argParser(parseDuration))
    .addOption(new Option('--limit <n>', 'end after so many lines').argParser(parseWhole(1, 1_000_000_000)))
    .option('--no-follow', 'end when everything until now has been shown')
    .addHelpText(
      'after',
      examples(
        'millrace tail --tenant acme --sensor press-1',
        'millrace tail --topic rejected --since 1h --no-follow --json | jq .reason',
      ),
    )
    .action(async (flags: TailFlags, command: Command) => {
      if (flags.sensor !== undefined && flags.topic === 'rejected') {
        throw new MillraceError('usage.invalid', 'What was rejected is known by its gateway, not by its sensor: use --gateway.')
      }
      await cli.withOperations(command, async ({ operations, output, isDirect }) => {
        if (isDirect) output.note('Nothing is running on this data folder: this shows what it holds, and ends.')
        const parameters = toParameters(flags, { nowMs: cli.dependencies.clock(), isDirect })
        await untilInterrupted(output.streams.stdout, async (signal) => {
          for await (const entry of operations.tail(parameters, signal)) {
            await output.line(output.isJson ? JSON.stringify(entry) : describe(entry, output))
            if (signal.aborted) break
          }
        })
      })
    })
}

/** Where nothing runs nothing will come, so everything that the log still holds is shown unless `--since` says otherwise. */
function toParameters({ follow, since, ...wanted }: TailFlags, at: { nowMs: number; isDirect: boolean }): TailParameters {
  const { topic, tenant, gateway, sensor, limit } = wanted
  const isFollowing = follow && !at.isDirect
  const fromMs = since === undefined ? (isFollowing ? undefined : 0) : Math.max(0, at.nowMs - since)
  return {
    topic,
    isFollowing,
    ...(tenant === undefined ? {} : { tenant }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(sensor === undefined ? {} : { sensor }),
    ...(limit === undefined ? {} : { limit }),
    ...(fromMs === undefined ? {} : { fromMs }),
  }
}

function describe(entry: TailEntry, { paint }: Output): string {
  const from = `${entry.tenant}/${entry.gateway}`
  if (entry.topic === 'rejected') {
    const where = entry.pointer === '' ? '' : ` at ${printable(entry.pointer)}`
    return `${paint('dim', entry.time)} ${from} ${paint('red', entry.reason)}${where} ${printable(entry.detail || entry.meaning)}`
  }
  const values = Object.entries(entry.values).map(([metric, value]) => `${metric}=${Object.is(value, -0) ? '-0' : value}`)
  const quality = entry.quality === undefined ? '' : ` ${paint('yellow', entry.quality)}`
  return `${paint('dim', entry.ts)} ${from} ${paint('bold', entry.sensor)} ${values.join(' ')}${quality}`
}
