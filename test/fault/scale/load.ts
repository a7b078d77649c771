import { join } from 'node:path'
import { enrolGateway, operationsOn } from '../harness/enrol.ts'
import { type FaultGateway, startGateway } from '../harness/gateway.ts'
import { type Ledger, openLedger } from '../harness/ledger.ts'
import type { Door } from '../harness/line.ts'
import { createMessageMaker } from '../harness/message.ts'
import { createRandom, type Random } from '../harness/random.ts'
import type { Cluster } from './cluster.ts'

export interface Load {
  readonly ledgerPath: string
  readonly ledger: Ledger
  /** Tokens of the API, by tenant. */
  readonly tokens: ReadonlyMap<string, string>
  readonly gateways: FaultGateway[]
  acked(): number
  /** So many more in each tenant. */
  add(gatewaysPerTenant: number): Promise<void>
  sum(field: 'sent' | 'resent' | 'acked' | 'waiting'): number
}

export interface LoadPlan {
  readonly folder: string
  readonly seed: number
  readonly random: Random
  readonly gatewaysPerTenant: number
  /** Where gateways come in. Behind a layer-4 balancer, every connection may go to another listener. */
  readonly ports: readonly number[]
  /** How long a gateway waits after an acknowledgement. */
  readonly paceMs: number
}

const TENANTS = ['acme', 'beta'] as const
/** Messages that gateways have in flight, by turns. */
const WINDOWS = [1, 4, 8] as const
const HISTORY_MS = 20 * 86_400_000

/** Gateways of two tenants, and a ledger of all that they send. */
export async function startLoad(
  cluster: Cluster,
  { folder, seed, random, ports, gatewaysPerTenant, paceMs }: LoadPlan,
): Promise<Load> {
  const ledgerPath = join(folder, 'ledger.ndjson')
  const ledger = await openLedger(ledgerPath)
  const operations = await operationsOn(cluster.dataFolder)
  const tokens = new Map<string, string>()
  const gateways: FaultGateway[] = []
  let acked = 0
  let count = 0
  const door: Door = {
    caPem: cluster.caPem,
    get port() {
      return ports[random.below(ports.length)] ?? 0
    },
  }

  async function start(tenant: string, gateway: string, inFlightMax: number): Promise<void> {
    const { credentials } = await enrolGateway(operations, { tenant, gateway })
    const nextMessage = createMessageMaker({
      random: createRandom(seed, `${tenant}/${gateway}`),
      sensors: [`${gateway}-press`, `${gateway}-oven`, `${gateway}-meter`],
      aroundMs: Date.now() - HISTORY_MS,
    })
    const onAcked = (): void => void acked++
    gateways.push(startGateway({ door, credentials, ledger, inFlightMax, nextMessage, paceMs, onAcked }))
  }

  async function add(more: number): Promise<void> {
    for (let n = 0; n < more; n++, count++)
      for (const tenant of TENANTS) await start(tenant, `gw-${count}`, WINDOWS[count % WINDOWS.length] ?? 1)
  }

  for (const tenant of TENANTS) {
    await operations.call('tenants.add', { tenant, name: tenant })
    tokens.set(tenant, (await operations.call('tokens.create', { tenant, scopes: ['read', 'diagnose'] })).secret)
  }
  await add(gatewaysPerTenant)
  return {
    ledgerPath,
    ledger,
    tokens,
    gateways,
    acked: () => acked,
    add,
    sum: (field) => gateways.reduce((total, gateway) => total + gateway.counts()[field], 0),
  }
}
