import type { Command } from 'commander'
import type { Operations, ResultOf } from '../operations/operations.ts'
import { shortTime, table } from '../output/table.ts'
import type { Cli } from './cli.ts'
import { examples } from './examples.ts'

type GatewayView = ResultOf['gateways.list']['gateways'][number]

export function addGatewaysList(gateways: Command, cli: Cli): void {
  gateways
    .command('list')
    .description('list gateways, whether they are connected, and when their certificates end')
    .option('--tenant <id>', 'only those of one customer')
    .addHelpText('after', examples('millrace gateways list --tenant acme', 'millrace gateways list --json'))
    .action(async ({ tenant }: { tenant?: string }, command: Command) => {
      await cli.withOperations(command, async ({ operations, output }) => {
        const listed = await allGateways(operations, tenant)
        const head = ['TENANT', 'GATEWAY', 'STATE', 'CONNECTED', 'LAST MESSAGE (UTC)', 'CERTIFICATE ENDS (UTC)']
        const text = listed.length === 0 ? 'There are no gateways yet.' : table(head, listed.map(rowOf))
        output.result({ gateways: listed }, text)
      })
    })
}

const rowOf = ({ tenant, gateway, state, isConnected, lastMessageAt, expiresAt }: GatewayView): readonly string[] => [
  tenant,
  gateway,
  state,
  isConnected ? 'yes' : 'no',
  shortTime(lastMessageAt),
  shortTime(expiresAt),
]

async function allGateways(operations: Operations, tenant: string | undefined): Promise<GatewayView[]> {
  const tenants =
    tenant === undefined ? (await operations.call('tenants.list', {})).tenants.map((known) => known.tenant) : [tenant]
  const all: GatewayView[] = []
  for (const one of tenants) {
    let after: string | undefined
    do {
      const page = await operations.call('gateways.list', after === undefined ? { tenant: one } : { tenant: one, after })
      all.push(...page.gateways)
      after = page.next
    } while (after !== undefined)
  }
  return all
}
