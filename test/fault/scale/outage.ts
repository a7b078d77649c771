import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Violation } from '../check/violation.ts'
import { createRandom } from '../harness/random.ts'
import { until } from '../harness/until.ts'
import { auditScale, type ScaleAudit } from './audit.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { type Load, startLoad } from './load.ts'
import { startServers } from './servers.ts'

export interface OutageOptions {
  readonly folder: string
  readonly seed: number
  /** How long Kafka is away. */
  readonly outageMs: number
  readonly gatewaysPerTenant?: number
  readonly onSample?: (sample: OutageSample) => void
}

export interface OutageSample {
  readonly second: number
  readonly acked: number
  readonly rssMiB: Readonly<Record<string, number>>
}

export interface Outage extends ScaleAudit {
  readonly outageS: number
  readonly ackedPerSecondBefore: number
  /** Of the time from a little after the stop, when what was in flight has been told, until Kafka comes back. */
  readonly ackedWhileAway: number
  readonly gatewaysBefore: number
  readonly gatewaysDuring: number
  readonly resent: number
  readonly progressMs: number
  readonly rssMiB: Readonly<Record<string, { readonly before: number; readonly early: number; readonly most: number }>>
}

const GATEWAYS_PER_TENANT = 10
const PACE_MS = 20
const CALM_MS = 20_000
const SAMPLE_EVERY_MS = 5_000
/** What is with Kafka already may still be answered for. */
const SETTLE_MS = 5_000
const PROGRESS_MS_MAX = 30_000
const DRAIN_MS_MAX = 180_000

/**
 * Kafka is stopped; then twice as many gateways send. Nothing may be acknowledged, memory must stay where it is, and all must arrive when Kafka is back.
 */
export async function runOutage(options: OutageOptions): Promise<Outage> {
  const { folder, seed, gatewaysPerTenant = GATEWAYS_PER_TENANT } = options
  const servers = await startServers(join(folder, 'servers'))
  try {
    const cluster = await startCluster(join(folder, 'cluster'), servers)
    try {
      const random = createRandom(seed, 'outage')
      const load = await startLoad(cluster, {
        folder,
        seed,
        random,
        ports: cluster.ingestPorts,
        gatewaysPerTenant,
        paceMs: PACE_MS,
      })
      const figures = await conduct({ ...options, gatewaysPerTenant, servers, cluster, load })
      const audit = await auditScale({ servers, cluster, ...load })
      return { ...audit, ...figures, violations: [...figures.violations, ...audit.violations] }
    } finally {
      await cluster.stop()
    }
  } finally {
    await servers.stop()
  }
}

interface Stage extends OutageOptions {
  readonly gatewaysPerTenant: number
  readonly servers: Awaited<ReturnType<typeof startServers>>
  readonly cluster: Cluster
  readonly load: Load
}

async function conduct({ servers, cluster, load, gatewaysPerTenant, outageMs, onSample }: Stage) {
  const violations: Violation[] = []
  const gatewaysBefore = load.gateways.length
  const ackedAtStart = load.acked()
  await setTimeout(CALM_MS)
  const ackedPerSecondBefore = Math.round((load.acked() - ackedAtStart) / (CALM_MS / 1_000))
  const before = memoryOf(cluster)

  await servers.kafka.stop()
  await load.add(gatewaysPerTenant)
  await setTimeout(SETTLE_MS)
  const ackedWhenAway = load.acked()
  const samples = await sampleFor(outageMs, { cluster, load, onSample: onSample ?? (() => undefined) })
  const ackedWhileAway = load.acked() - ackedWhenAway
  if (ackedWhileAway > 0)
    violations.push({ kind: 'acknowledged-early', where: 'the outage', detail: `${ackedWhileAway} messages without Kafka` })

  await servers.kafka.startAgain()
  const backMs = performance.now()
  const ackedBefore = load.acked()
  await until('something is acknowledged', PROGRESS_MS_MAX, () => (load.acked() > ackedBefore ? true : undefined))
  const progressMs = Math.round(performance.now() - backMs)
  await setTimeout(CALM_MS)
  for (const gateway of load.gateways) gateway.finish()
  await until('every message is acknowledged', DRAIN_MS_MAX, () => (load.sum('waiting') === 0 ? true : undefined))
  for (const gateway of load.gateways) gateway.close()
  await load.ledger.close()
  for (const { name, counts, stderr } of cluster.members)
    if (counts().ends > 0) violations.push({ kind: 'crashed', where: name, detail: stderr() })

  const rssMiB = Object.fromEntries(
    Object.entries(before).map(([name, mib]) => {
      const seen = samples.map((sample) => sample.rssMiB[name] ?? 0)
      return [name, { before: mib, early: seen[0] ?? 0, most: Math.max(...seen) }]
    }),
  )
  const gatewaysDuring = load.gateways.length
  const outageS = Math.round(outageMs / 1_000)
  const resent = load.sum('resent')
  return { violations, outageS, ackedPerSecondBefore, ackedWhileAway, gatewaysBefore, gatewaysDuring, resent, progressMs, rssMiB }
}

const memoryOf = ({ members }: Cluster): Readonly<Record<string, number>> =>
  Object.fromEntries(members.map((member) => [member.name, Math.round(member.rssMiB())]))

async function sampleFor(
  outageMs: number,
  { cluster, load, onSample }: Required<Pick<Stage, 'cluster' | 'load' | 'onSample'>>,
): Promise<readonly OutageSample[]> {
  const samples: OutageSample[] = []
  const startMs = performance.now()
  while (performance.now() - startMs < outageMs) {
    await setTimeout(SAMPLE_EVERY_MS)
    const sample = {
      second: Math.round((performance.now() - startMs) / 1_000),
      acked: load.acked(),
      rssMiB: memoryOf(cluster),
    }
    samples.push(sample)
    onSample(sample)
  }
  return samples
}
