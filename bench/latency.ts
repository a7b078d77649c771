import { setTimeout } from 'node:timers/promises'
import { BENCH_TENANT } from './gateways.ts'
import { openLoadConnection } from './load/connection.ts'
import { type Figures, type LoadedBench, orderFor, startLoad } from './measure.ts'
import { createTemplate } from './payload.ts'

/** What was reached, of which half is taken. */
export type ReachedLoad = Pick<Figures, 'connections' | 'readingsPerMessage' | 'messagesPerSecond'>

export interface Latency {
  readonly connections: number
  readonly readingsPerMessage: number
  readonly messagesPerSecond: number
  readonly probes: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly mostMs: number
}

const SECONDS = 30
/** Some hundreds of probes in all: the 99th percentile of a few dozen is only the worst of them. */
const PROBES_AT_ONCE = 4
const PROBE_EVERY_MS = 40
/** Asking is load, too, for the store that is measured. */
const POLL_EVERY_MS = 15
const GIVE_UP_MS = 30_000

/** Whether a reading can be queried by now. */
export type IsThere = (reading: { readonly sensor: string; readonly timeMs: number }) => Promise<boolean>

/**
 * From publish to queryable, at half of the load that was reached: a gateway publishes now and then and asks until the reading is there.
 *
 * @param isThere  Asks the API when left out.
 */
export async function measureLatency(
  bench: LoadedBench,
  figures: readonly ReachedLoad[],
  isThere?: IsThere,
): Promise<readonly Latency[]> {
  const asks = isThere ?? (await throughApi(bench))
  const results: Latency[] = []
  for (const { connections, readingsPerMessage, messagesPerSecond } of figures.filter((one) => one.connections !== 1)) {
    const rate = messagesPerSecond / 2
    const order = orderFor(bench, { connections, readingsPerMessage, messages: Math.round(rate * SECONDS) })
    // In the bursts in which the whole load came.
    const load = await startLoad({ ...order, rate, window: order.window * 4, burst: order.window })
    const loading = load.go()
    await setTimeout(1_000)
    const probes = await Promise.all(Array.from({ length: PROBES_AT_ONCE }, () => probe(bench, asks, (SECONDS - 2) * 1_000)))
    await loading
    load.stop()
    const sorted = probes.flat().toSorted((left, right) => left - right)
    const at = (share: number): number =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN)
    results.push({
      connections,
      readingsPerMessage,
      messagesPerSecond: Math.round(rate),
      probes: sorted.length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      mostMs: at(1),
    })
  }
  return results
}

async function probe({ server, rootPem }: LoadedBench, isThere: IsThere, durationMs: number): Promise<readonly number[]> {
  // A gateway of its own, so that it waits behind nobody on its connection.
  const gateway = await enrolProbe(server.operations)
  const connection = await openLoadConnection(gateway, { port: server.mqttPort, rootPem })
  const sensor = `${gateway.gateway}-sensor`
  const template = createTemplate(`v1/${BENCH_TENANT}/${gateway.gateway}/readings`, [sensor], 1)
  const took: number[] = []
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs) {
    const timeMs = Date.now()
    const startMs = performance.now()
    const acked = connection.run([template], { total: 1, window: 1, firstMs: timeMs })
    while (!(await isThere({ sensor, timeMs }))) {
      if (performance.now() > startMs + GIVE_UP_MS) throw new Error('A reading that was published can not be read.')
      await setTimeout(POLL_EVERY_MS)
    }
    took.push(performance.now() - startMs)
    await acked
    await setTimeout(PROBE_EVERY_MS)
  }
  connection.close()
  return took
}

async function throughApi({ server: { apiUrl, operations } }: LoadedBench): Promise<IsThere> {
  const { secret } = await operations.call('tokens.create', { tenant: BENCH_TENANT, scopes: ['read'] })
  return async ({ sensor, timeMs }) => {
    const response = await fetch(`${apiUrl}/v1/sensors/${sensor}/readings?from=${timeMs}&to=${timeMs + 1}`, {
      headers: { authorization: `Bearer ${secret}` },
    })
    if (response.status === 404) return false
    if (!response.ok) throw new Error(`The API answered ${response.status}: ${await response.text()}`)
    const page: { readonly readings: readonly unknown[] } = await response.json().then((body) => Object(body))
    return page.readings.length === 1
  }
}

let probes = 0

async function enrolProbe(operations: LoadedBench['server']['operations']) {
  const gateway = `probe-${probes++}`
  const { certificatePem, privateKeyPem = '' } = await operations.call('gateways.enrol', { tenant: BENCH_TENANT, gateway })
  return { gateway, certificatePem, privateKeyPem }
}
