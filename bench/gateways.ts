import type { Operations } from '../operate/operations/operations.ts'
import type { LoadGateway } from './load/connection.ts'

export const BENCH_TENANT = 'bench'
const AT_ONCE = 8

/** Enrols gateways as an operator would, each with a certificate of its own. */
export async function enrolGateways(
  operations: Operations,
  count: number,
): Promise<{ readonly rootPem: string; readonly gateways: readonly LoadGateway[] }> {
  await operations.call('tenants.add', { tenant: BENCH_TENANT, name: 'Bench' })
  const gateways: LoadGateway[] = []
  let rootPem = ''
  for (let start = 0; start < count; start += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, index) => `gw-${start + index}`)
    const issued = await Promise.all(batch.map((gateway) => operations.call('gateways.enrol', { tenant: BENCH_TENANT, gateway })))
    for (const [index, { caPem, certificatePem, privateKeyPem = '' }] of issued.entries()) {
      rootPem = caPem
      gateways.push({ gateway: batch[index] ?? '', certificatePem, privateKeyPem })
    }
  }
  return { rootPem, gateways }
}
