import type { Command } from 'commander'
import { shortTime, table } from '../output/table.ts'
import type { Cli } from './cli.ts'
import { examples } from './examples.ts'

export function addTenants(program: Command, cli: Cli): void {
  const tenants = program.command('tenants').description('customers, whose data is kept strictly apart')

  tenants
    .command('add')
    .description('add a customer')
    .argument('<id>', 'short name, for topics and certificates: lower-case letters, digits and hyphens')
    .requiredOption('--name <text>', 'the full name, for people')
    .addHelpText('after', examples('millrace tenants add acme --name "Acme BV"'))
    .action(async (id: string, { name }: { name: string }, command: Command) => {
      await cli.withOperations(
        command,
        async ({ operations, output }) => {
          const added = await operations.call('tenants.add', { tenant: id, name })
          const next = `Enrol its first gateway: millrace gateways enrol gw-1 --tenant ${id} --out gw-1`
          output.result(added, `Tenant ${added.tenant} is added.`)
          output.note(next)
        },
        { mayCreate: true },
      )
    })

  tenants
    .command('list')
    .description('list the customers')
    .action(async (_options: object, command: Command) => {
      await cli.withOperations(command, async ({ operations, output }) => {
        const listed = await operations.call('tenants.list', {})
        const rows = listed.tenants.map(({ tenant, name, createdAt }) => [tenant, name, shortTime(createdAt)])
        output.result(listed, rows.length === 0 ? 'There are no tenants yet.' : table(['TENANT', 'NAME', 'ADDED (UTC)'], rows))
      })
    })
}
