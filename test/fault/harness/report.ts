import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, release, totalmem } from 'node:os'
import { countOf } from '../check/violation.ts'
import type { Campaign } from './campaign.ts'
import { MOMENT_KINDS } from './moments.ts'

const RESULTS = new URL('../../../bench/results/', import.meta.url)
const VIOLATIONS_SAVED_MAX = 100
/** From the top of the repository. */
const PRODUCT = ['schemas', 'platform', 'ingest', 'stream-processors', 'query-api', 'operate'].map((folder) => `:/${folder}`)
const MIB = 1_048_576

export interface RunFacts {
  /** As it was when the run began. */
  readonly commit: string
  readonly seed: number
  readonly kills: number
  readonly durationMs: number
}

/** Everything of a run on one line. */
export function summarise(campaign: Campaign, { commit, seed, kills }: RunFacts): string {
  const { counts, messages, killsByKind, violations } = campaign
  const kinds = MOMENT_KINDS.map((kind) => `${killsByKind[kind]} ${kind}`).join(', ')
  return [
    `seed ${seed}`,
    `commit ${commit}`,
    `kills ${kills} (${kinds}; ${campaign.killsInFlight} with messages in flight)`,
    `messages sent ${counts.sent}, resent ${counts.resent}, acked ${messages.acknowledged}, refused ${messages.refused}, unknown ${messages.unknown}`,
    `readings acked ${campaign.readingsOwed}, in the API ${campaign.readingsInApi}`,
    `lost ${countOf(violations, 'lost')}, doubled ${countOf(violations, 'doubled')}, other violations ${
      violations.length - countOf(violations, 'lost') - countOf(violations, 'doubled')
    }`,
    `start to first acknowledgement ${describeSpread(campaign.firstAckMs)}`,
  ].join(' · ')
}

/** Writes the run with machine and commit to bench/results/. @returns the path. */
export async function saveRun(campaign: Campaign, facts: RunFacts): Promise<string> {
  const { violations, readyMs, firstAckMs, ...figures } = campaign
  const at = new Date().toISOString()
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryMiB: Math.round(totalmem() / MIB), linux: release() }
  const full = {
    at,
    node: process.version,
    ...machine,
    ...facts,
    ...figures,
    readyMs: spread(readyMs),
    firstAckMs: spread(firstAckMs),
    lost: countOf(violations, 'lost'),
    doubled: countOf(violations, 'doubled'),
    violations: violations.slice(0, VIOLATIONS_SAVED_MAX),
  }
  await mkdir(RESULTS, { recursive: true })
  const file = new URL(`fault-kills-${at.slice(0, 10)}.json`, RESULTS)
  await writeFile(file, `${JSON.stringify(full, undefined, 2)}\n`)
  return file.pathname
}

interface Spread {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly most: number
}

export function spread(valuesMs: readonly number[]): Spread {
  const sorted = valuesMs.toSorted((left, right) => left - right)
  const at = (share: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), most: at(1) }
}

function describeSpread(valuesMs: readonly number[]): string {
  const { p50, p99, most } = spread(valuesMs)
  return `p50 ${p50} ms, p99 ${p99} ms, most ${most} ms`
}

/** The commit of the working tree, with a plus where files of the product have changed since; unknown outside of a repository. */
export function findCommit(): string {
  const folder = new URL('.', import.meta.url)
  // Looking must not get in the way of somebody who commits at this moment.
  const git = (...rest: readonly string[]): string =>
    execFileSync('git', ['--no-optional-locks', ...rest], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    const isChanged = git('status', '--porcelain', '--', ...PRODUCT) !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? '+' : ''}`
  } catch {
    return 'unknown'
  }
}
