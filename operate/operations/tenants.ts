import type { Tenant } from '../../platform/ports/metadata.ts'
import { defineOperation } from './operation.ts'
import { NAME_CHARACTERS_MAX, PRINTABLE_PATTERN, tenantParameter, timeResult, toTime } from './parameters.ts'

const tenantResult = {
  type: 'object',
  required: ['tenant', 'name', 'createdAt'],
  properties: { tenant: { type: 'string' }, name: { type: 'string' }, createdAt: timeResult },
} as const

export const addTenant = defineOperation({
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['tenant', 'name'],
    properties: {
      tenant: tenantParameter,
      name: {
        type: 'string',
        minLength: 1,
        maxLength: NAME_CHARACTERS_MAX,
        pattern: PRINTABLE_PATTERN,
        description: `text of 1 to ${NAME_CHARACTERS_MAX} characters, without control characters`,
      },
    },
  },
  result: tenantResult,
  async run({ metadata, clock }, { tenant, name }) {
    const added = { id: tenant, name, createdMs: clock() }
    await metadata.addTenant(added)
    return show(added)
  },
})

export const listTenants = defineOperation({
  parameters: { type: 'object', additionalProperties: false, required: [], properties: {} },
  result: {
    type: 'object',
    required: ['tenants'],
    properties: { tenants: { type: 'array', items: tenantResult } },
  },
  async run({ metadata }) {
    return { tenants: (await metadata.tenants()).map(show) }
  },
})

const show = ({ id, name, createdMs }: Tenant) => ({ tenant: id, name, createdAt: toTime(createdMs) })
