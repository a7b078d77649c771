import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { REQUEST_CHARACTERS_MAX, VALID_DAYS_DEFAULT, VALID_DAYS_MAX } from '../operations/parameters.ts'
import { confirm } from '../output/confirm.ts'
import type { Cli } from './cli.ts'
import { parseDuration, parseWhole } from './duration.ts'
import { examples } from './examples.ts'
import { addGatewaysList } from './gateways-list.ts'
import { type Credentials, prepareCredentialsFolder } from './write-credentials.ts'

interface CertificateFlags {
  readonly tenant: string
  readonly out: string
  readonly csr?: string
  readonly days?: number
  readonly force?: boolean
}

export function addGateways(program: Command, cli: Cli): void {
  const gateways = program.command('gateways').description('devices that connect, each with its own certificate')
  addEnrol(gateways, cli)
  addGatewaysList(gateways, cli)
  addRotate(gateways, cli)
  addRevoke(gateways, cli)
}

function addEnrol(gateways: Command, cli: Cli): void {
  withCertificateFlags(gateways.command('enrol').description('let a gateway in: issue its first certificate'))
    .addHelpText(
      'after',
      examples(
        'millrace gateways enrol gw-1 --tenant acme --out gw-1',
        'millrace gateways enrol gw-2 --tenant acme --out gw-2 --csr gw-2.csr',
      ),
    )
    .action(async (gateway: string, flags: CertificateFlags, command: Command) => {
      await cli.withOperations(command, async ({ operations, output, mqttPort }) => {
        const issued = await issueInto(flags, (request) =>
          operations.call('gateways.enrol', { tenant: flags.tenant, gateway, ...request }),
        )
        const { tenant, fingerprint, notAfter, files } = issued
        const lines = [
          `Gateway ${gateway} of ${tenant} is enrolled until ${notAfter.slice(0, 10)}.`,
          ...files.map((file) => `  ${file}`),
        ]
        output.result({ tenant, gateway, fingerprint, notAfter, files }, lines.join('\n'))
        const key = flags.csr === undefined ? `${resolve(flags.out)}/key.pem` : 'KEY-OF-THE-REQUEST'
        output.note(`\nTry it:\n${publishExample({ tenant, gateway, folder: resolve(flags.out), key, port: await mqttPort() })}`)
      })
    })
}

function addRotate(gateways: Command, cli: Cli): void {
  withCertificateFlags(gateways.command('rotate').description('issue a new certificate and end the old ones'))
    .addOption(
      new Option('--overlap <duration>', 'how long the old certificates still work').argParser(parseDuration).default(0, 'none'),
    )
    .addHelpText('after', examples('millrace gateways rotate gw-1 --tenant acme --out gw-1-new --overlap 24h'))
    .action(async (gateway: string, flags: CertificateFlags & { overlap: number }, command: Command) => {
      await cli.withOperations(command, async ({ operations, output }) => {
        const { tenant, overlap: overlapMs } = flags
        const issued = await issueInto(flags, (request) =>
          operations.call('gateways.rotate', { tenant, gateway, overlapMs, ...request }),
        )
        const { fingerprint, notAfter, oldCertificatesEndAt = '', files } = issued
        const when = overlapMs === 0 ? 'have ended' : `end at ${oldCertificatesEndAt}`
        const lines = [
          `Gateway ${gateway} of ${tenant} has a new certificate until ${notAfter.slice(0, 10)}; its old ones ${when}.`,
        ]
        output.result(
          { tenant, gateway, fingerprint, notAfter, oldCertificatesEndAt, files },
          [...lines, ...files.map((file) => `  ${file}`)].join('\n'),
        )
      })
    })
}

function addRevoke(gateways: Command, cli: Cli): void {
  gateways
    .command('revoke')
    .description('shut a gateway out: end its certificates and its connection')
    .argument('<id>', 'the gateway')
    .requiredOption('--tenant <id>', 'whose gateway it is')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('millrace gateways revoke gw-1 --tenant acme --yes'))
    .action(async (gateway: string, { tenant, yes = false }: { tenant: string; yes?: boolean }, command: Command) => {
      const { output } = cli.settings(command)
      const warning = `Gateway ${gateway} of ${tenant} will be cut off at once, and can only come back by being enrolled anew.`
      await confirm(output, { warning, isConfirmed: yes })
      await cli.withOperations(command, async ({ operations }) => {
        const revoked = await operations.call('gateways.revoke', { tenant, gateway })
        output.result(revoked, `Gateway ${gateway} of ${tenant} is revoked.`)
      })
    })
}

function withCertificateFlags(command: Command): Command {
  return command
    .argument('<id>', 'the gateway: letters, digits, dots, hyphens and underscores')
    .requiredOption('--tenant <id>', 'whose gateway it is')
    .requiredOption('--out <folder>', 'where ca.pem, cert.pem and key.pem go')
    .option('--csr <file>', 'sign the key of this request (PKCS #10, PEM) instead of making one')
    .addOption(
      new Option('--days <n>', 'how long the certificate lives')
        .argParser(parseWhole(1, VALID_DAYS_MAX))
        .default(VALID_DAYS_DEFAULT),
    )
    .option('--force', 'replace files that are there')
}

interface CertificateRequest {
  readonly validDays?: number
  readonly requestPem?: string
}

/** Prepares the folder, asks for the certificate, and writes it: in this order, so that no key is made that can't be kept. */
async function issueInto<T extends Credentials>(flags: CertificateFlags, issue: (request: CertificateRequest) => Promise<T>) {
  const requestPem = flags.csr === undefined ? undefined : await readRequest(flags.csr)
  const folder = resolve(flags.out)
  const target = await prepareCredentialsFolder({ folder, withKey: requestPem === undefined, mayOverwrite: flags.force === true })
  const issued = await issue({
    ...(flags.days === undefined ? {} : { validDays: flags.days }),
    ...(requestPem === undefined ? {} : { requestPem }),
  })
  try {
    return { ...issued, files: await target.write(issued) }
  } catch (cause) {
    const advice = 'The certificate was issued but is lost: get another with millrace gateways rotate.'
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('data.invalid', `The files could not be written to ${folder}: ${reason} ${advice}`, { cause })
  }
}

async function readRequest(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new MillraceError('data.invalid', `The request ${path} can't be read. Check the path.`, { cause })
  })
  if (text.length <= REQUEST_CHARACTERS_MAX && text.length > 0) return text
  throw new MillraceError('data.invalid', `The request ${path} must have 1 to ${REQUEST_CHARACTERS_MAX} characters.`)
}

function publishExample(to: { tenant: string; gateway: string; folder: string; key: string; port: number }): string {
  const topic = `v1/${to.tenant}/${to.gateway}/readings`
  const message = '{"readings":[{"sensor":"press-1","values":{"power_w":1234.5}}]}'
  return [
    `  mosquitto_pub -h localhost -p ${to.port} -i ${to.gateway} -q 1 --tls-version tlsv1.3 --cafile ${to.folder}/ca.pem \\`,
    `    --cert ${to.folder}/cert.pem --key ${to.key} -t ${topic} -m '${message}'`,
  ].join('\n')
}
