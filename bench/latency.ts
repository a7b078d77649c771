import { setTimeout } from 'node:timers/promises'
import { BENCH_TENANT } from './gateways.ts'
import { type Figures, type LoadedBench, orderFor, startLoad } from './measure.ts'
import { probe, type WhichAreThere } from './probe.ts'

/** What was reached, of which half is taken. */
export type ReachedLoad = Pick<Figures, 'connections' | 'readingsPerMessage' | 'messagesPerSecond'>

export interface Latency {
  readonly connections: number
  readonly readingsPerMessage: number
  /** As many as were acknowledged. */
  readonly messagesPerSecond: number
  /** That was the half that was wanted. */
  readonly isHeld: boolean
  readonly probes: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly mostMs: number
}

const SECONDS = 30
/** Gateways don't speak in unison: the last one begins, and ends, a burst later. */
const HELD_SHARE_MIN = 0.97
/** Of different partitions, as likely as not. */
const PROBES_AT_ONCE = 2

/**
 * From publish to queryable, at half of the load that was reached.
 *
 * @param whichAreThere  Asks the API when left out.
 */
export async function measureLatency(
  bench: LoadedBench,
  figures: readonly ReachedLoad[],
  whichAreThere?: WhichAreThere,
): Promise<readonly Latency[]> {
  const ask = whichAreThere ?? (await throughApi(bench))
  const results: Latency[] = []
  for (const { connections, readingsPerMessage, messagesPerSecond } of figures.filter((one) => one.connections !== 1)) {
    const rate = messagesPerSecond / 2
    const order = orderFor(bench, { connections, readingsPerMessage, messages: Math.round(rate * SECONDS) })
    // In the bursts in which the whole load came.
    const load = await startLoad({ ...order, rate, window: order.window * 4, burst: order.window })
    const startMs = performance.now()
    const loading = load.go().then(() => (1_000 * load.messages) / (performance.now() - startMs))
    await setTimeout(1_000)
    const probes = await Promise.all(Array.from({ length: PROBES_AT_ONCE }, () => probe(bench, ask, SECONDS - 2)))
    const heldPerSecond = await loading
    load.stop()
    const sorted = probes.flat().toSorted((left, right) => left - right)
    const at = (share: number): number =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN)
    results.push({
      connections,
      readingsPerMessage,
      messagesPerSecond: Math.round(heldPerSecond),
      isHeld: heldPerSecond >= rate * HELD_SHARE_MIN,
      probes: sorted.length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      mostMs: at(1),
    })
  }
  return results
}

async function throughApi({ server: { apiUrl, operations } }: LoadedBench): Promise<WhichAreThere> {
  const { secret } = await operations.call('tokens.create', { tenant: BENCH_TENANT, scopes: ['read'] })
  return async ({ sensor, fromMs, toMs }) => {
    const response = await fetch(`${apiUrl}/v1/sensors/${sensor}/readings?from=${fromMs}&to=${toMs}`, {
      headers: { authorization: `Bearer ${secret}` },
    })
    if (response.status === 404) return []
    if (!response.ok) throw new Error(`The API answered ${response.status}: ${await response.text()}`)
    const page: { readonly readings: readonly { readonly ts: string }[] } = await response.json().then((body) => Object(body))
    return page.readings.map(({ ts }) => Date.parse(ts))
  }
}
