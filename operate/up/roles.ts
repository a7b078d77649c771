import { MillraceError } from '../../platform/runtime/errors.ts'
import type { UpSettings } from './settings.ts'

/** What a process of its own can be, at scale. `up` is all of them in one. */
export const ROLES = {
  ingest: 'the MQTT listener alone: gateways in, event log out',
  process: 'the stream-processors alone: event log in, time series out',
  serve: 'the query API alone, and what the CLI speaks to',
} as const

export type Role = keyof typeof ROLES

/**
 * Processes of their own share their stores, which a file can't be.
 *
 * @throws {MillraceError} `config.invalid`, naming every setting that is missing.
 */
export function assertShared(role: Role, { kafka, postgres, influx, up }: UpSettings): void {
  const missing = [
    kafka === undefined && 'MILLRACE_KAFKA_BROKERS, for the event log',
    postgres === undefined && 'MILLRACE_POSTGRES_URL, for the metadata',
    influx === undefined && role !== 'ingest' && 'MILLRACE_INFLUX_URL or MILLRACE_INFLUX_CELLS_FILE, for the time series',
    role === 'ingest' &&
      up.MILLRACE_MQTT_CERT_FILE === undefined &&
      'MILLRACE_MQTT_CERT_FILE and MILLRACE_MQTT_KEY_FILE, for the listener',
    role === 'ingest' &&
      up.MILLRACE_MQTT_CLIENT_CA_FILE === undefined &&
      "MILLRACE_MQTT_CLIENT_CA_FILE, the root of the gateways' certificates: `ca.pem` of `millrace gateways enrol`",
  ].filter((line) => line !== false)
  if (missing.length === 0) return
  throw new MillraceError(
    'config.invalid',
    `millrace ${role} shares its stores with other processes. Set:\n  ${missing.join('\n  ')}\nOr run everything in one process: millrace up`,
  )
}
