import type { FromSchema } from 'json-schema-to-ts'

/** What the running process says of itself: `GET /process`. */
export const processSchema = {
  type: 'object',
  required: ['pid', 'version', 'startedAt', 'clockStepMs', 'listeners', 'checks'],
  properties: {
    pid: { type: 'integer' },
    version: { type: 'string' },
    startedAt: { type: 'string', description: 'RFC 3339, UTC.' },
    clockStepMs: { type: 'number', description: 'How far the wall clock was set ahead (or, negative, back) since the start.' },
    listeners: {
      type: 'array',
      description: 'Where it listens, e.g. mqtts://0.0.0.0:8883. Names: mqtt, http, metrics.',
      items: {
        type: 'object',
        required: ['name', 'url'],
        properties: { name: { type: 'string' }, url: { type: 'string' } },
      },
    },
    checks: {
      type: 'array',
      description: 'Its dependencies, as /readyz has them.',
      items: {
        type: 'object',
        required: ['name', 'isReady'],
        properties: { name: { type: 'string' }, isReady: { type: 'boolean' }, detail: { type: 'string' } },
      },
    },
  },
} as const

/** `GET /hello`. */
export const greetingSchema = {
  type: 'object',
  required: ['pid', 'version'],
  properties: { pid: { type: 'integer' }, version: { type: 'string' } },
} as const

export type Greeting = FromSchema<typeof greetingSchema>
export type ProcessDescription = FromSchema<typeof processSchema>
/** What the composition root knows and the admin interface doesn't. */
export type DescribeParts = () => Promise<Pick<ProcessDescription, 'listeners' | 'checks'>>

/** Both clocks started together; what they differ by now is how far the wall clock was stepped, by hand or by NTP. */
export const clockStepMs = (): number => Math.round(Date.now() - (performance.timeOrigin + performance.now()))
