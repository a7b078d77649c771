import { setTimeout } from 'node:timers/promises'
import { BENCH_TENANT } from './gateways.ts'
import { openLoadConnection } from './load/connection.ts'
import type { LoadedBench } from './measure.ts'
import { createTemplate } from './payload.ts'

/** The times of those readings of a sensor that can be queried by now: from `fromMs` up to, not including, `toMs`. */
export type WhichAreThere = (query: {
  readonly sensor: string
  readonly fromMs: number
  readonly toMs: number
}) => Promise<readonly number[]>

const PER_SECOND = 25
/** Asking is load, too, for the store that is measured: one question is for all that is under way. What it finds is found so much too late at most. */
const ASK_EVERY_MS = 30
const GIVE_UP_MS = 30_000
/** Nothing else has these times. */
const AGE_MS = 600_000

/**
 * A gateway of its own publishes at a steady pace, whatever becomes of its readings, and asks for those that it hasn't seen yet. So a stall is met by
 * all readings that fall into it, and not by one that waits for its end.
 *
 * @returns milliseconds from each publish until the answer that held the reading.
 */
export async function probe({ server, rootPem }: LoadedBench, ask: WhichAreThere, seconds: number): Promise<readonly number[]> {
  const gateway = await enrolProbe(server.operations)
  const connection = await openLoadConnection(gateway, { port: server.mqttPort, rootPem })
  const sensor = `${gateway.gateway}-sensor`
  const template = createTemplate(`v1/${BENCH_TENANT}/${gateway.gateway}/readings`, [sensor], 1)
  const total = seconds * PER_SECOND
  const sentAt = new Map<number, number>()
  const publishing = connection.run([template], {
    total,
    window: total,
    firstMs: Date.now() - AGE_MS,
    perSecond: PER_SECOND,
    onSend: (timeMs) => sentAt.set(timeMs, performance.now()),
  })
  let broken: unknown
  publishing.catch((error: unknown) => (broken = error))
  const took: number[] = []
  while (took.length < total) {
    await setTimeout(ASK_EVERY_MS)
    if (broken !== undefined) throw broken
    const [first] = sentAt
    if (first === undefined) continue
    const [fromMs, firstSentAt] = first
    if (performance.now() - firstSentAt > GIVE_UP_MS) throw new Error('A reading that was published can not be read.')
    for (const timeMs of await ask({ sensor, fromMs, toMs: Math.max(...sentAt.keys()) + 1 })) {
      const sentMs = sentAt.get(timeMs)
      if (sentMs !== undefined) took.push(performance.now() - sentMs)
      sentAt.delete(timeMs)
    }
  }
  await publishing
  connection.close()
  return took
}

let probes = 0

async function enrolProbe(operations: LoadedBench['server']['operations']) {
  const gateway = `probe-${probes++}`
  const { certificatePem, privateKeyPem = '' } = await operations.call('gateways.enrol', { tenant: BENCH_TENANT, gateway })
  return { gateway, certificatePem, privateKeyPem }
}
