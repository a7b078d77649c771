import { access, constants, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BucketReport } from '../../platform/adapters/influx/ensure.ts'
import { crashPoint } from '../../platform/runtime/crash-points.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { writeFileDurably } from '../../platform/runtime/write-file.ts'
import { type Finding, ok, warn } from '../doctor/finding.ts'
import { type InfluxSettings, withTokens } from './influx-settings.ts'
import type { UpSettings } from './settings.ts'

/** Makes the buckets of every cell, and the tokens whose files are named and not there. */
export async function fixInflux({ influx, process, up }: UpSettings): Promise<readonly Finding[]> {
  if (influx === undefined) return []
  const retentions = {
    readingsDays: process.MILLRACE_RETENTION_DAYS,
    rejectedDays: up.MILLRACE_LOG_REJECTED_RETENTION_DAYS,
  }
  const findings = influx.cells
    .filter(({ tokenFiles }) => tokenFiles.admin === undefined)
    .map(({ name }) => warn(`InfluxDB ${name}`, 'not touched', NO_ADMIN))
  const cells = influx.cells.filter(({ tokenFiles }) => tokenFiles.admin !== undefined)
  const { ensureBuckets } = await import('../../platform/adapters/influx/ensure.ts')
  for (const cell of withTokens({ ...influx, cells }, 'admin')) {
    const report = await ensureBuckets(cell, retentions)
    crashPoint('fix.after-buckets')
    findings.push(...report.map((bucket) => findingOf(cell.name, bucket)))
    const files = influx.cells.find(({ name }) => name === cell.name)?.tokenFiles ?? {}
    findings.push(...(await fixTokens(cell, files)))
  }
  return findings
}

/** Whose they are can't be known: another machine may hold one, or a run that was broken off has lost it. */
const OLDER = 'Look at them with `influx auth list`, and delete those that no file of yours holds.'

const NO_ADMIN =
  'Set MILLRACE_INFLUX_ADMIN_TOKEN_FILE, or adminTokenFile of this cell in the table of cells, so that its buckets and tokens can be made.'

type Admin = ReturnType<typeof withTokens>[number]

async function fixTokens(admin: Admin, files: InfluxSettings['cells'][number]['tokenFiles']): Promise<readonly Finding[]> {
  const { countTokens, makeToken } = await import('../../platform/adapters/influx/ensure.ts')
  const findings: Finding[] = []
  for (const may of ['read', 'write'] as const) {
    const path = files[may]
    if (path === undefined) continue
    const name = `InfluxDB ${admin.name}, ${may} token`
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (isThere) {
      findings.push(await findToken(admin, { name, path }))
      continue
    }
    await assertWritable(path, name)
    const older = await countTokens(admin, may)
    const token = await makeToken(admin, may)
    crashPoint('fix.after-token')
    await writeFileDurably(path, `${token}\n`, 0o600)
    findings.push(
      older === 0 ? ok(name, `made, in ${path}`) : warn(name, `made, in ${path}; ${older} more of that name are there`, OLDER),
    )
  }
  return findings
}

/** One that is there is left as it is, whatever it is worth. */
async function findToken(admin: Admin, { name, path }: { readonly name: string; readonly path: string }): Promise<Finding> {
  const { isTokenKnown } = await import('../../platform/adapters/influx/ensure.ts')
  const token = (await readFile(path, 'utf8')).trim()
  const isGood = token !== '' && (await isTokenKnown({ ...admin, token }))
  if (isGood) return ok(name, `there, in ${path}`)
  const found = token === '' ? `${path} is empty` : `the token in ${path} is not known to InfluxDB`
  return warn(name, found, 'Remove that file and run this again: another one is made. Then start Millrace anew.')
}

/** Before the token is made: one that can't be kept would stay in InfluxDB for nobody. @throws {MillraceError} `config.invalid`. */
async function assertWritable(path: string, name: string): Promise<void> {
  await access(dirname(path), constants.W_OK).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError(
      'config.invalid',
      `${name} has no place to be kept: ${reason}. Make that folder, and let us write to it.`,
      { cause },
    )
  })
}

function findingOf(cell: string, { name, state, retentionDays }: BucketReport): Finding {
  const bucket = `InfluxDB ${cell}, bucket ${name}`
  const kept = retentionDays === 0 ? 'for ever' : `${retentionDays} days`
  if (state !== 'other-retention') return ok(bucket, `${state}, keeps points ${kept}`)
  return warn(
    bucket,
    `keeps points ${kept}, not as set`,
    'Left as it is: a shorter retention would delete. Change it with `influx bucket update`, or change MILLRACE_RETENTION_DAYS.',
  )
}
