import {
  cursorParameter,
  gatewayParameter,
  instantSchema,
  limitParameter,
  maybeInstantSchema,
  nextSchema,
  type PageLimit,
} from './parameters.ts'

export const CERTIFICATE_STATES = ['valid', 'not-yet-valid', 'expired', 'revoked'] as const
export type CertificateState = (typeof CERTIFICATE_STATES)[number]

export const gatewayParams = {
  type: 'object',
  additionalProperties: false,
  required: ['gateway'],
  properties: { gateway: gatewayParameter },
} as const

export const gatewayAnswer = {
  type: 'object',
  additionalProperties: false,
  required: ['gateway', 'enrolled', 'revoked', 'presence', 'certificateExpires', 'certificates'],
  properties: {
    gateway: gatewayParameter,
    enrolled: instantSchema,
    revoked: { ...maybeInstantSchema, description: 'When the gateway as a whole was revoked; null when it was not.' },
    presence: {
      type: ['object', 'null'],
      description: 'Null until the gateway has connected for the first time.',
      additionalProperties: false,
      required: ['isConnected', 'since', 'lastMessage'],
      properties: {
        isConnected: { type: 'boolean' },
        since: { ...instantSchema, description: 'When the present state began.' },
        lastMessage: { ...maybeInstantSchema, description: 'When it last published; null when it never did.' },
      },
    },
    certificateExpires: {
      ...maybeInstantSchema,
      description:
        'When the last of its valid certificates ends, and with it the access of the gateway; null when none is valid.',
    },
    certificates: {
      type: 'array',
      description: 'Newest first.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['fingerprint', 'serial', 'state', 'notBefore', 'notAfter', 'revoked'],
        properties: {
          fingerprint: { type: 'string', description: 'SHA-256 of the certificate (DER), lower-case hex.' },
          serial: { type: 'string' },
          state: { type: 'string', enum: CERTIFICATE_STATES },
          notBefore: instantSchema,
          notAfter: instantSchema,
          revoked: { ...maybeInstantSchema, description: 'When it is, or will be, revoked; null when it is not.' },
        },
      },
    },
  },
} as const

export const gatewaysQuery = (limit: PageLimit) =>
  ({
    type: 'object',
    additionalProperties: false,
    properties: { limit: limitParameter(limit), cursor: cursorParameter },
  }) as const

export const gatewaysPage = {
  type: 'object',
  additionalProperties: false,
  required: ['gateways', 'next'],
  properties: { gateways: { type: 'array', description: 'By name.', items: gatewayAnswer }, next: nextSchema },
} as const
