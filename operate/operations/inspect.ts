import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { READINGS_TOPIC } from '../../schemas/topics.ts'
import { lastUsableMs } from './gateway-result.ts'
import { defineOperation, type OperationPorts } from './operation.ts'
import { DAY_MS, PAGE_MAX, timeResult, toTime } from './parameters.ts'

const SOON_DAYS = 30
const SOON_LISTED_MAX = 20

/** What `millrace doctor` asks the stores: times to compare with the clock, and certificates that end soon. */
export const inspectStores = defineOperation({
  parameters: { type: 'object', additionalProperties: false, required: [], properties: {} },
  result: {
    type: 'object',
    required: ['authorityEndsAt', 'rootPem', 'gateways', 'endingSoon', 'endingSoonCount'],
    properties: {
      newestRecordAt: timeResult,
      authorityEndsAt: timeResult,
      rootPem: { type: 'string' },
      gateways: { type: 'integer', description: 'Gateways that are not revoked.' },
      endingSoonCount: { type: 'integer', description: `Those whose certificate ends within ${SOON_DAYS} days, or has ended.` },
      endingSoon: {
        type: 'array',
        description: `The ${SOON_LISTED_MAX} that end first.`,
        items: {
          type: 'object',
          required: ['tenant', 'gateway', 'endsAt'],
          properties: { tenant: { type: 'string' }, gateway: { type: 'string' }, endsAt: timeResult },
        },
      },
    },
  },
  async run(ports) {
    const newestMs = await newestRecordMs(ports)
    const { count, ending } = await gatewaysEndingBefore(ports, ports.clock() + SOON_DAYS * DAY_MS)
    const first = ending.toSorted((a, b) => a.endMs - b.endMs).slice(0, SOON_LISTED_MAX)
    return {
      ...(newestMs === undefined ? {} : { newestRecordAt: toTime(newestMs) }),
      authorityEndsAt: toTime(ports.authority.notAfterMs),
      rootPem: ports.authority.rootPem,
      gateways: count,
      endingSoonCount: ending.length,
      endingSoon: first.map(({ tenant, gateway, endMs }) => ({ tenant, gateway, endsAt: toTime(endMs) })),
    }
  },
})

async function newestRecordMs({ log }: OperationPorts): Promise<number | undefined> {
  const partitions = (await log.partitions(READINGS_TOPIC)).filter(({ firstOffset, nextOffset }) => nextOffset > firstOffset)
  const newest = await Promise.all(
    partitions.map(({ topic, partition, nextOffset }) =>
      log.read({ topic, partition, offset: nextOffset - 1 }, { recordsMax: 1, bytesMax: 1 }),
    ),
  )
  const times = newest.flat().map(({ timestampMs }) => timestampMs)
  return times.length === 0 ? undefined : Math.max(...times)
}

async function gatewaysEndingBefore({ metadata }: OperationPorts, beforeMs: number) {
  const ending: { tenant: string; gateway: string; endMs: number }[] = []
  let count = 0
  for (const { id: tenant } of await metadata.tenants()) {
    let after: string | undefined
    do {
      const page = after === undefined ? { limit: PAGE_MAX } : { limit: PAGE_MAX, after }
      const gateways = await metadata.gateways(proveTenant(tenant), page)
      for (const gateway of gateways) {
        if (gateway.revokedMs !== undefined) continue
        count += 1
        const endMs = lastUsableMs(gateway) ?? 0
        if (endMs < beforeMs) ending.push({ tenant, gateway: gateway.id, endMs })
      }
      after = gateways.length < PAGE_MAX ? undefined : gateways.at(-1)?.id
    } while (after !== undefined)
  }
  return { count, ending }
}
