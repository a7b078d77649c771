import { defineOperation } from './operation.ts'
import { timeResult, toTime, VALID_DAYS_DEFAULT, validDaysParameter } from './parameters.ts'

/** For a listener that runs as a process of its own: it holds no certificate authority, only what this one signed. */
export const certifyListener = defineOperation({
  parameters: {
    type: 'object',
    additionalProperties: false,
    required: ['names'],
    properties: {
      names: {
        type: 'array',
        minItems: 1,
        maxItems: 50,
        items: { type: 'string', pattern: '^[A-Za-z0-9.:*-]{1,253}$' },
        description: 'host names and addresses under which gateways reach it',
      },
      validDays: validDaysParameter,
    },
  },
  result: {
    type: 'object',
    required: ['caPem', 'certificatePem', 'privateKeyPem', 'notAfter'],
    properties: {
      caPem: { type: 'string' },
      certificatePem: { type: 'string' },
      privateKeyPem: { type: 'string' },
      notAfter: timeResult,
    },
  },
  async run({ authority }, { names, validDays = VALID_DAYS_DEFAULT }) {
    const { certificatePem, privateKeyPem, notAfterMs } = await authority.issueServer({ names, validDays })
    return { caPem: authority.rootPem, certificatePem, privateKeyPem, notAfter: toTime(notAfterMs) }
  },
})
