import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { VALID_DAYS_DEFAULT, VALID_DAYS_MAX } from '../operations/parameters.ts'
import type { Cli } from './cli.ts'
import { parseWhole } from './duration.ts'
import { examples } from './examples.ts'
import { prepareCredentialsFolder } from './write-credentials.ts'

interface Flags {
  readonly name: readonly string[]
  readonly out: string
  readonly days: number
  readonly force?: boolean
}

export function addListeners(program: Command, cli: Cli): void {
  const listeners = program
    .command('listeners')
    .description('MQTT listeners that run as processes of their own (millrace ingest)')
  listeners
    .command('certify')
    .description('sign a server certificate for a listener')
    .requiredOption('--name <host...>', 'host names and addresses under which gateways reach it')
    .requiredOption('--out <folder>', 'where ca.pem, cert.pem and key.pem go')
    .addOption(new Option('--days <n>', 'how long it lives').argParser(parseWhole(1, VALID_DAYS_MAX)).default(VALID_DAYS_DEFAULT))
    .option('--force', 'replace files that are there')
    .addHelpText('after', examples('millrace listeners certify --name mqtt.example.com 10.0.0.7 --out listener'))
    .action(async ({ name, out, days, force }: Flags, command: Command) => {
      const folder = resolve(out)
      await cli.withOperations(command, async ({ operations, output }) => {
        const target = await prepareCredentialsFolder({ folder, withKey: true, mayOverwrite: force === true })
        const issued = await operations.call('listeners.certify', { names: [...name], validDays: days })
        const files = await target.write(issued)
        const lines = [
          `The certificate for ${name.join(', ')} is good until ${issued.notAfter.slice(0, 10)}. Give it to millrace ingest:`,
          `  MILLRACE_MQTT_CERT_FILE=${folder}/cert.pem`,
          `  MILLRACE_MQTT_KEY_FILE=${folder}/key.pem`,
          `  MILLRACE_MQTT_CLIENT_CA_FILE=${folder}/ca.pem`,
        ]
        output.result({ names: name, notAfter: issued.notAfter, files }, lines.join('\n'))
      })
    })
}
