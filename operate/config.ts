import type { FromSchema } from 'json-schema-to-ts'
import { createConfigReader, type Environment, readConfig, refuseProblems } from '../platform/runtime/read-config.ts'

const port = { type: 'integer', minimum: 0, maximum: 65_535 } as const

/** The part of the environment that the command line reads; flags win over it. */
export const operateConfig = {
  type: 'object',
  additionalProperties: false,
  required: ['MILLRACE_DATA_DIR', 'MILLRACE_MQTT_PORT', 'MILLRACE_HTTP_PORT', 'MILLRACE_METRICS_PORT', 'NO_COLOR'],
  properties: {
    MILLRACE_DATA_DIR: {
      type: 'string',
      minLength: 1,
      default: './data',
      description: 'The folder that holds everything: stores, certificates, the admin socket.',
    },
    MILLRACE_MQTT_PORT: { ...port, default: 8883, description: 'The port on which gateways connect (MQTT over TLS 1.3).' },
    MILLRACE_HTTP_PORT: { ...port, default: 8443, description: 'The port of the API.' },
    MILLRACE_METRICS_PORT: { ...port, default: 9464, description: 'The port of /metrics, on the loopback address.' },
    NO_COLOR: { type: 'string', default: '', description: 'Any value turns colours off (no-color.org).' },
  },
} as const

export type OperateConfig = FromSchema<typeof operateConfig>

const reader = createConfigReader<OperateConfig>(operateConfig)

/** @throws {MillraceError} `config.invalid`, naming every variable that is wrong. */
export function readOperateConfig(environment: Environment): OperateConfig {
  const problems: string[] = []
  const config = readConfig(reader, environment, problems)
  refuseProblems(problems)
  if (config === undefined) throw new TypeError('An environment without problems has settings.')
  return config
}
