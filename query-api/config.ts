import type { FromSchema } from 'json-schema-to-ts'

/** The query API's part of the environment. Certificate and key are PEM files; with neither, it speaks plain HTTP on loopback only. */
export const queryApiConfig = {
  $id: 'https://millrace.dev/schemas/query-api-config.json',
  type: 'object',
  additionalProperties: false,
  properties: {
    MILLRACE_HTTP_HOST: {
      type: 'string',
      minLength: 1,
      default: '127.0.0.1',
      description: 'The address that the API listens on.',
    },
    MILLRACE_HTTP_PORT: {
      type: 'integer',
      minimum: 0,
      maximum: 65_535,
      default: 8_443,
      description: 'Its port; 0 takes a free one.',
    },
    MILLRACE_HTTP_CERT_FILE: { type: 'string', minLength: 1, description: 'Certificate chain of the API, PEM.' },
    MILLRACE_HTTP_KEY_FILE: { type: 'string', minLength: 1, description: 'Private key of the API, PEM.' },
    MILLRACE_HTTP_TOKEN_REQUESTS_PER_MINUTE: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 1_200,
      description: 'Requests a minute that one token may make.',
    },
    MILLRACE_HTTP_ADDRESS_REQUESTS_PER_MINUTE: {
      type: 'integer',
      minimum: 1,
      maximum: 1_000_000,
      default: 300,
      description: 'Requests a minute without a valid token that one address (IPv6: one /64) may make.',
    },
    MILLRACE_HTTP_READINGS_PAGE_MAX: {
      type: 'integer',
      minimum: 1,
      maximum: 50_000,
      default: 10_000,
      description: 'Rows that a page of readings may have.',
    },
    MILLRACE_HTTP_LIST_PAGE_MAX: {
      type: 'integer',
      minimum: 1,
      maximum: 500,
      default: 200,
      description: 'Items that a page of any other list may have.',
    },
    MILLRACE_HTTP_CONNECTIONS_MAX: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 2_000,
      description: 'Connections that may be open at once; more are refused.',
    },
    MILLRACE_HTTP_ANSWER_TIMEOUT_MS: {
      type: 'integer',
      minimum: 10,
      maximum: 300_000,
      default: 30_000,
      description: 'Time that an answer may take; then the request is given up with 503.',
    },
  },
  dependentRequired: {
    MILLRACE_HTTP_CERT_FILE: ['MILLRACE_HTTP_KEY_FILE'],
    MILLRACE_HTTP_KEY_FILE: ['MILLRACE_HTTP_CERT_FILE'],
  },
} as const

export type QueryApiConfig = Readonly<FromSchema<typeof queryApiConfig>>
