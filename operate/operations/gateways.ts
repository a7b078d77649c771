import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { crashPoint } from '../../platform/runtime/crash-points.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { credentialsResult, gatewayResult, showCredentials, showGateway, toCertificate } from './gateway-result.ts'
import { defineOperation, type OperationPorts, unknown } from './operation.ts'
import {
  DAY_MS,
  gatewayParameter,
  OVERLAP_DAYS_MAX,
  PAGE_MAX,
  requestParameter,
  tenantParameter,
  toTime,
  VALID_DAYS_DEFAULT,
  validDaysParameter,
} from './parameters.ts'

const newCertificate = {
  tenant: tenantParameter,
  gateway: gatewayParameter,
  validDays: validDaysParameter,
  requestPem: requestParameter,
} as const

export const enrolGateway = defineOperation({
  parameters: { type: 'object', additionalProperties: false, required: ['tenant', 'gateway'], properties: newCertificate },
  result: credentialsResult,
  async run(ports, parameters) {
    const { metadata, authority, clock } = ports
    const { tenant, gateway } = parameters
    // Both are asked first, so that no certificate is signed for nobody; the store still decides, whoever else enrols now.
    await demandTenant(ports, tenant)
    const existing = await metadata.gateway(proveTenant(tenant), gateway)
    if (existing !== undefined && existing.revokedMs === undefined) throw alreadyEnrolled(tenant, gateway)
    const issued = await issue(ports, parameters)
    await metadata.enrolGateway({ tenant, id: gateway, enrolledMs: clock(), certificate: toCertificate(issued) })
    crashPoint('enrol.after-record')
    return showCredentials({ tenant, gateway }, authority.rootPem, issued)
  },
})

export const rotateGateway = defineOperation({
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['tenant', 'gateway'],
    properties: {
      ...newCertificate,
      overlapMs: {
        type: 'integer',
        minimum: 0,
        maximum: OVERLAP_DAYS_MAX * DAY_MS,
        description: `how long the old certificates stay valid, at most ${OVERLAP_DAYS_MAX} days`,
      },
    },
  },
  result: credentialsResult,
  async run(ports, parameters) {
    const { metadata, authority, clock } = ports
    const { tenant, gateway, overlapMs = 0 } = parameters
    const existing = await demandGateway(ports, tenant, gateway)
    if (existing.revokedMs !== undefined) {
      const advice = `Enrol it anew: millrace gateways enrol ${gateway} --tenant ${tenant} --out DIR.`
      throw new MillraceError('gateway.revoked', `Gateway ${gateway} of ${tenant} is revoked. ${advice}`)
    }
    const issued = await issue(ports, parameters)
    const revokeOthersMs = clock() + overlapMs
    await metadata.rotateGateway({ tenant, id: gateway, certificate: toCertificate(issued), revokeOthersMs })
    return { ...showCredentials({ tenant, gateway }, authority.rootPem, issued), oldCertificatesEndAt: toTime(revokeOthersMs) }
  },
})

export const revokeGateway = defineOperation({
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['tenant', 'gateway'],
    properties: { tenant: tenantParameter, gateway: gatewayParameter },
  },
  result: gatewayResult,
  async run(ports, { tenant, gateway }) {
    const existing = await demandGateway(ports, tenant, gateway)
    // A second revocation changes nothing, so that a script may repeat it.
    if (existing.revokedMs !== undefined) return showGateway(existing, ports.clock())
    await ports.metadata.revokeGateway({ tenant, id: gateway, revokedMs: ports.clock() })
    return showGateway(await demandGateway(ports, tenant, gateway), ports.clock())
  },
})

/** One page, ordered by id. `next` is there while there may be more: pass it as `after`. */
export const listGateways = defineOperation({
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['tenant'],
    properties: {
      tenant: tenantParameter,
      after: gatewayParameter,
      limit: { type: 'integer', minimum: 1, maximum: PAGE_MAX, description: `a whole number from 1 to ${PAGE_MAX}` },
    },
  },
  result: {
    type: 'object',
    required: ['gateways'],
    properties: { gateways: { type: 'array', items: gatewayResult }, next: { type: 'string' } },
  },
  async run(ports, { tenant, after, limit = PAGE_MAX }) {
    await demandTenant(ports, tenant)
    const page = after === undefined ? { limit } : { limit, after }
    const gateways = await ports.metadata.gateways(proveTenant(tenant), page)
    const next = gateways.length === limit ? gateways.at(-1)?.id : undefined
    const shown = gateways.map((gateway) => showGateway(gateway, ports.clock()))
    return next === undefined ? { gateways: shown } : { gateways: shown, next }
  },
})

interface NewCertificate {
  readonly tenant: string
  readonly gateway: string
  readonly validDays?: number | undefined
  readonly requestPem?: string | undefined
}

function issue({ authority }: OperationPorts, { tenant, gateway, validDays = VALID_DAYS_DEFAULT, requestPem }: NewCertificate) {
  const identity = { tenant, gateway, validDays }
  return requestPem === undefined ? authority.issueGateway(identity) : authority.issueGatewayFromRequest(requestPem, identity)
}

/** @throws {MillraceError} `tenant.unknown`. */
export async function demandTenant({ metadata }: OperationPorts, tenant: string) {
  const known = await metadata.tenant(tenant)
  if (known === undefined)
    throw unknown('tenant.unknown', `tenant ${tenant}`, 'See millrace tenants list, or add it with millrace tenants add.')
  return known
}

async function demandGateway(ports: OperationPorts, tenant: string, gateway: string) {
  await demandTenant(ports, tenant)
  const known = await ports.metadata.gateway(proveTenant(tenant), gateway)
  if (known === undefined)
    throw unknown('gateway.unknown', `gateway ${gateway} of ${tenant}`, `See millrace gateways list --tenant ${tenant}.`)
  return known
}

function alreadyEnrolled(tenant: string, gateway: string): MillraceError {
  const advice = `For a new certificate: millrace gateways rotate ${gateway} --tenant ${tenant} --out DIR.`
  return new MillraceError('gateway.exists', `Gateway ${gateway} of ${tenant} is enrolled already. ${advice}`)
}
