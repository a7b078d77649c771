import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { createOffsetsCheck } from '../check/check-offsets.ts'
import type { Violation } from '../check/violation.ts'
import { createRandom, type Random } from '../harness/random.ts'
import { until } from '../harness/until.ts'
import { auditScale, type ScaleAudit } from './audit.ts'
import { startCluster, untilReady } from './cluster.ts'
import { planFault, planKill, type Scene } from './faults.ts'
import { type Load, startLoad } from './load.ts'
import { readOffsets } from './read-servers.ts'
import { startServers } from './servers.ts'

export interface ScaleOptions {
  readonly folder: string
  readonly seed: number
  /** Kills of our own processes, and faults of servers and network, at least; in an order that the seed decides. */
  readonly kills: number
  readonly faults: number
  /** Ends sooner, and says how far it came. */
  readonly budgetMs: number
  readonly onStep?: (done: { readonly kills: number; readonly faults: number; readonly kind: string }) => void
}

export interface ScaleCampaign extends ScaleAudit {
  readonly kills: number
  readonly faults: number
  readonly byKind: Readonly<Record<string, number>>
  readonly sent: number
  readonly resent: number
  readonly acked: number
  /** From each healing to the next acknowledgement and the next commit, milliseconds. */
  readonly progressMs: readonly number[]
  /** Of processes that were ready: at the first check, and at the most. */
  readonly rssMiB: Readonly<Record<string, { readonly early: number; readonly most: number }>>
}

const GATEWAYS_PER_TENANT = 3
/** What is tested here is not speed, and all of it is held against the ledger in the end. */
const PACE_MS = 500
const PROGRESS_MS_MAX = 30_000
/** However long it runs: a process that grows for an hour is beyond it. */
const RSS_MIB_MAX = 400
const CALM_MS_MAX = 1_200
const DRAIN_MS_MAX = 180_000

export async function runScaleCampaign(options: ScaleOptions): Promise<ScaleCampaign> {
  const { folder, seed } = options
  const servers = await startServers(join(folder, 'servers'))
  try {
    const cluster = await startCluster(join(folder, 'cluster'), servers)
    try {
      const random = createRandom(seed, 'scale')
      const doors = await Promise.all(cluster.ingestPorts.map(servers.openDoor))
      const ports = doors.map(({ port }) => port)
      const plan = { folder, seed, random, ports, gatewaysPerTenant: GATEWAYS_PER_TENANT, paceMs: PACE_MS }
      const load = await startLoad(cluster, plan)
      return await conduct({ ...options, servers, cluster, doors, random, load })
    } finally {
      await cluster.stop()
    }
  } finally {
    await servers.stop()
  }
}

interface Stage extends ScaleOptions, Scene {
  readonly random: Random
  readonly load: Load
}

async function conduct(stage: Stage): Promise<ScaleCampaign> {
  const { servers, cluster, random, load, onStep } = stage
  const offsets = createOffsetsCheck()
  const violations: Violation[] = []
  const byKind: Record<string, number> = {}
  const progressMs: number[] = []
  const done = { kills: 0, faults: 0 }
  const memory = new Map<string, readonly number[]>()
  const startMs = performance.now()
  const isDue = (): boolean => done.kills < stage.kills || done.faults < stage.faults

  for (let step = 1; isDue() && performance.now() - startMs < stage.budgetMs; step++) {
    await setTimeout(random.below(CALM_MS_MAX))
    const wantsFault = done.kills / Math.max(1, stage.kills) > done.faults / Math.max(1, stage.faults)
    const fault = wantsFault ? planFault(random, stage) : planKill(random, stage)
    await fault.run()
    // Those that happened: a crash point may be planned for a life that ends otherwise.
    done.kills = cluster.members.reduce((sum, member) => sum + member.counts().kills, 0)
    if (wantsFault) done.faults++
    byKind[fault.kind] = (byKind[fault.kind] ?? 0) + 1
    // Kills of our own follow one another; every so often, and after each fault, it must go on by itself.
    if (wantsFault || step % 10 === 0) {
      const where = `step ${step}, ${fault.kind}`
      const tookMs = await progress(stage, where).catch((error: Error) => {
        violations.push({ kind: 'not-ready', where, detail: error.message })
        return PROGRESS_MS_MAX
      })
      progressMs.push(tookMs)
      offsets.see(await readOffsets(servers.kafka.brokers), where)
      for (const member of cluster.members)
        if (member.isReady()) memory.set(member.name, [...(memory.get(member.name) ?? []), Math.round(member.rssMiB())])
    }
    onStep?.({ ...done, kind: fault.kind })
  }

  const rssMiB = Object.fromEntries(
    cluster.members.map((member) => [
      member.name,
      { early: memory.get(member.name)?.[0] ?? 0, most: Math.max(0, ...(memory.get(member.name) ?? [])) },
    ]),
  )
  for (const gateway of load.gateways) gateway.finish()
  await untilReady(cluster.members)
  await until('every message is acknowledged', DRAIN_MS_MAX, () => (load.sum('waiting') === 0 ? true : undefined))
  for (const gateway of load.gateways) gateway.close()
  await load.ledger.close()
  const audit = await auditScale({ ...stage, ...load })
  offsets.see(await readOffsets(servers.kafka.brokers), 'the end')
  for (const { name, counts, stderr } of cluster.members) {
    if (counts().crashes > 0)
      violations.push({ kind: 'crashed', where: name, detail: `${counts().crashes} times by itself: ${stderr()}` })
  }
  for (const [name, { most }] of Object.entries(rssMiB))
    if (most > RSS_MIB_MAX) violations.push({ kind: 'memory', where: name, detail: `${most} MiB, more than ${RSS_MIB_MAX}.` })
  return {
    ...audit,
    ...done,
    violations: [...violations, ...offsets.finish(), ...audit.violations],
    byKind,
    progressMs,
    rssMiB,
    sent: load.sum('sent'),
    resent: load.sum('resent'),
    acked: load.sum('acked'),
  }
}

/** Within 30 s of the healing, messages are acknowledged and what was acknowledged is committed. */
async function progress({ load, servers }: Stage, where: string): Promise<number> {
  const startMs = performance.now()
  const committed = async (): Promise<number> =>
    (await readOffsets(servers.kafka.brokers)).reduce(
      (total, { group, committed: at }) => (group === 'millrace.store' ? total + at : total),
      0,
    )
  const [ackedBefore, committedBefore] = [load.acked(), await committed()]
  await until(`something is acknowledged after ${where}`, PROGRESS_MS_MAX, () => (load.acked() > ackedBefore ? true : undefined))
  await until(`something is stored after ${where}`, PROGRESS_MS_MAX, async () =>
    (await committed()) > committedBefore ? true : undefined,
  )
  return Math.round(performance.now() - startMs)
}
