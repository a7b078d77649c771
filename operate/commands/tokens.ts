import { type Command, Option } from 'commander'
import { TOKEN_SCOPES } from '../../schemas/tokens.ts'
import { DAY_MS, TOKEN_LIFE_DAYS_DEFAULT } from '../operations/parameters.ts'
import { shortTime, table } from '../output/table.ts'
import type { Cli } from './cli.ts'
import { parseDuration } from './duration.ts'
import { examples } from './examples.ts'

interface CreateFlags {
  readonly tenant: string
  readonly scope: string[]
  readonly label?: string
  readonly expires: number
}

const collect = (value: string, before: string[] = []): string[] => [...before, value]

export function addTokens(program: Command, cli: Cli): void {
  const tokens = program.command('tokens').description('bearer tokens, with which programs read from the API')
  addCreate(tokens, cli)
  addList(tokens, cli)

  tokens
    .command('revoke')
    .description('end a token at once')
    .argument('<id>', 'the id that `millrace tokens list` shows, not the token itself')
    .action(async (id: string, _options: object, command: Command) => {
      await cli.withOperations(command, async ({ operations, output }) => {
        const revoked = await operations.call('tokens.revoke', { id })
        output.result(revoked, `Token ${id} is revoked.`)
      })
    })
}

function addCreate(tokens: Command, cli: Cli): void {
  const scopes = Object.keys(TOKEN_SCOPES)
  tokens
    .command('create')
    .description('create a token; it is shown this once, alone on standard output')
    .requiredOption('--tenant <id>', 'whose data it may read')
    .requiredOption('--scope <scope>', `what it may do, repeatable: ${scopes.join(', ')}`, collect)
    .option('--label <text>', 'what it is for')
    .addOption(
      new Option('--expires <duration>', 'how long it lives, at most ten years')
        .argParser(parseDuration)
        .default(TOKEN_LIFE_DAYS_DEFAULT * DAY_MS, `${TOKEN_LIFE_DAYS_DEFAULT}d`),
    )
    .addHelpText(
      'after',
      examples(
        'TOKEN=$(millrace tokens create --tenant acme --scope read)',
        'millrace tokens create --tenant acme --scope read --scope diagnose --expires 1w',
      ),
    )
    .action(async ({ tenant, scope, label, expires }: CreateFlags, command: Command) => {
      await cli.withOperations(command, async ({ operations, output }) => {
        const named = label === undefined ? {} : { label }
        const created = await operations.call('tokens.create', { tenant, scopes: scope, expiresInMs: expires, ...named })
        output.result(created, created.secret)
        output.note(
          `Token ${created.token.id} of ${tenant} works until ${created.token.expiresAt.slice(0, 10)}. It is not shown again.`,
        )
      })
    })
}

function addList(tokens: Command, cli: Cli): void {
  tokens
    .command('list')
    .description('list tokens, without their secrets')
    .option('--tenant <id>', 'only those of one customer')
    .action(async ({ tenant }: { tenant?: string }, command: Command) => {
      await cli.withOperations(command, async ({ operations, output }) => {
        const listed = await operations.call('tokens.list', tenant === undefined ? {} : { tenant })
        const rows = listed.tokens.map((token) => [
          token.id,
          token.tenant,
          token.scopes.join(','),
          token.state,
          shortTime(token.expiresAt),
          token.label,
        ])
        const text =
          rows.length === 0 ? 'There are no tokens yet.' : table(['ID', 'TENANT', 'SCOPES', 'STATE', 'ENDS (UTC)', 'LABEL'], rows)
        output.result(listed, text)
      })
    })
}
