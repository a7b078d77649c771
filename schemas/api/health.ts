export const healthAnswer = {
  type: 'object',
  additionalProperties: false,
  required: ['status'],
  properties: { status: { type: 'string', const: 'ok' } },
} as const

export const readinessAnswer = {
  type: 'object',
  additionalProperties: false,
  required: ['status', 'checks'],
  properties: {
    status: { type: 'string', enum: ['ready', 'unavailable'] },
    checks: {
      type: 'array',
      description: 'Every dependency, as it is now.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'state', 'durationMs'],
        properties: {
          name: { type: 'string' },
          state: { type: 'string', enum: ['up', 'down'] },
          durationMs: { type: 'number', minimum: 0 },
          why: { type: 'string', description: 'The code of the error. Only when it is down.' },
        },
      },
    },
  },
} as const
