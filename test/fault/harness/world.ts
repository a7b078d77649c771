import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { GatewayCredentials } from '../../../operate/simulator/gateway-link.ts'
import { enrolGateway, operationsOn } from './enrol.ts'
import { type FaultGateway, type GatewayCounts, startGateway } from './gateway.ts'
import { type Ledger, openLedger } from './ledger.ts'
import type { Door } from './line.ts'
import { createMessageMaker } from './message.ts'
import { choosePorts } from './ports.ts'
import { killProduct, type Product, startProduct, UNWATCHED, whenReady } from './product.ts'
import { createRandom } from './random.ts'
import { trespass } from './trespass.ts'

/** Two customers whose sensors have the same names, so that a reading in the wrong place has a place to be. */
export const TENANTS = ['acme', 'beta'] as const
/** Messages in flight of each gateway of a customer. */
const WINDOWS = [1, 4, 8] as const
const ROVER = 'rover'
const HISTORY_MS = 20 * 86_400_000

export interface FaultWorldOptions {
  /** Holds the ledger; the data folder is in it, unless `dataFolder` says otherwise. */
  readonly folder: string
  readonly dataFolder?: string
  readonly seed: number
  /** Called in the turn in which an acknowledgement is read. */
  readonly onAcked?: () => void
}

/** A product on a data folder and fixed ports, which can be started again and again, with customers, and gateways under load. */
export interface FaultWorld {
  readonly dataFolder: string
  readonly ledgerPath: string
  readonly tokens: ReadonlyMap<string, string>
  readonly ledger: Ledger
  readonly gateways: readonly FaultGateway[]
  /** The one that runs already. */
  readonly first: Product
  start(wrapper?: readonly string[]): Product
  counts(): GatewayCounts
  /** A gateway of the first customer publishes to the topic of one of the second. */
  trespass(): Promise<void>
  /** Ends the gateways and closes the ledger. */
  close(): Promise<void>
  /** Whatever happened: ends the gateways, and every product that is still there. */
  abandon(): Promise<void>
}

export async function openFaultWorld({
  folder,
  dataFolder = join(folder, 'data'),
  seed,
  onAcked,
}: FaultWorldOptions): Promise<FaultWorld> {
  const ports = await choosePorts(createRandom(seed, 'ports'))
  await mkdir(folder, { recursive: true })
  const ledgerPath = join(folder, 'ledger.ndjson')
  const ledger = await openLedger(ledgerPath)
  const products: Product[] = []
  function start(wrapper: readonly string[] = []): Product {
    const product = startProduct({
      folder: dataFolder,
      mqttPort: ports.mqtt,
      httpPort: ports.http,
      wrapper,
      environment: UNWATCHED,
    })
    products.push(product)
    return product
  }

  const first = start()
  await whenReady(first)
  const enrolled = await enrol(dataFolder).catch(async (error: unknown) => {
    await killProduct(first, dataFolder)
    throw error
  })
  const door: Door = { port: ports.mqtt, caPem: enrolled.caPem }
  const aroundMs = Date.now() - HISTORY_MS
  const maker = (gateway: string, tenant: string) => {
    const sensors = [`${gateway}-press`, `${gateway}-oven`, `${gateway}-meter`] as const
    return createMessageMaker({ random: createRandom(seed, `${tenant}/${gateway}`), sensors: [...sensors], aroundMs })
  }
  const gateways = enrolled.credentials
    .filter(({ gateway }) => gateway !== ROVER)
    .map((credentials, index) =>
      startGateway({
        door,
        credentials,
        ledger,
        inFlightMax: WINDOWS[index % WINDOWS.length] ?? 1,
        nextMessage: maker(credentials.gateway, credentials.tenant),
        onAcked: () => onAcked?.(),
      }),
    )
  const rover = enrolled.credentials.find(({ gateway, tenant }) => gateway === ROVER && tenant === TENANTS[0])
  const forbidden = maker(ROVER, TENANTS[0])

  return {
    dataFolder,
    ledgerPath,
    ledger,
    gateways,
    first,
    start,
    tokens: enrolled.tokens,
    counts: () => addUp(gateways),
    async trespass() {
      const victim = { tenant: TENANTS[1], gateway: 'gw-0' }
      if (rover !== undefined) await trespass({ door, credentials: rover, ledger, victim }, forbidden())
    },
    async close() {
      for (const gateway of gateways) gateway.close()
      await ledger.close()
    },
    async abandon() {
      for (const gateway of gateways) gateway.close()
      await Promise.all(products.map((product) => killProduct(product, dataFolder)))
    },
  }
}

function addUp(gateways: readonly FaultGateway[]): GatewayCounts {
  const sum = (field: keyof GatewayCounts): number => gateways.reduce((total, gateway) => total + gateway.counts()[field], 0)
  return {
    sent: sum('sent'),
    resent: sum('resent'),
    acked: sum('acked'),
    forgotten: sum('forgotten'),
    waiting: sum('waiting'),
    inFlight: sum('inFlight'),
  }
}

/** The customers, each with a token and its gateways. */
async function enrol(dataFolder: string) {
  const operations = await operationsOn(dataFolder)
  const credentials: GatewayCredentials[] = []
  const tokens = new Map<string, string>()
  let caPem = ''
  for (const tenant of TENANTS) {
    await operations.call('tenants.add', { tenant, name: tenant })
    const { secret } = await operations.call('tokens.create', { tenant, scopes: ['read', 'diagnose'] })
    tokens.set(tenant, secret)
    for (const gateway of [...WINDOWS.keys().map((index) => `gw-${index}`), ROVER]) {
      const enrolled = await enrolGateway(operations, { tenant, gateway })
      caPem = enrolled.caPem
      credentials.push(enrolled.credentials)
    }
  }
  return { caPem, credentials, tokens }
}
