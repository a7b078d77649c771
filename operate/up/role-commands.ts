import type { Command } from 'commander'
import { createLogger, type LogOptions } from '../../platform/runtime/log.ts'
import type { AddCommand, Cli } from '../commands/cli.ts'
import { createEnding } from './ending.ts'
import { ROLES, type Role } from './roles.ts'

/** `millrace ingest`, `millrace process`, `millrace serve`. */
export const addRoles: AddCommand = (program, cli) => {
  for (const [role, description] of Object.entries(ROLES)) {
    program
      .command(role)
      .description(`run ${description}`)
      .addHelpText(
        'after',
        '\nIt shares Kafka, PostgreSQL and InfluxDB with the other roles: docs/how-to/run-at-scale.md.\nTopics, tables, buckets and tokens are made by: millrace doctor --fix',
      )
      .action((_flags: object, command: Command) => runRole(cli, command, isRole(role)))
  }
}

function isRole(name: string): Role {
  if (name === 'ingest' || name === 'process' || name === 'serve') return name
  throw new TypeError(`${name} is not a role.`)
}

async function runRole(cli: Cli, command: Command, role: Role): Promise<void> {
  const { folder, output } = cli.settings(command)
  const [{ readUpSettings }, { startRole }] = await Promise.all([import('./settings.ts'), import('./start-role.ts')])
  const settings = readUpSettings(cli.dependencies.environment)
  const isPretty = output.streams.stderr.isTTY === true
  const logOptions = (part: string): LogOptions => ({ level: settings.up.MILLRACE_LOG_LEVEL, part, isPretty })
  const log = createLogger(logOptions(role))
  const ending = createEnding(log)
  const logFor = (part: string) => createLogger(logOptions(part))
  const running = await startRole(role, { folder, settings, logFor, isPretty, onDeath: ending.die })
  const places = Object.fromEntries(running.listeners.map(({ name, url }) => [name, url]))
  const lines = running.listeners.map(({ name, url }) => `  ${name.padEnd(8)} ${url}`)
  output.result({ role, folder, ...places }, `millrace ${role} is running.\n${lines.join('\n')}`)
  log.info({ ...places, folder }, 'Millrace is running.')
  await ending.asked
  await ending.stop(running.stop)
}
