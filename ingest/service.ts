import type { EventLogWriter } from '../platform/ports/event-log.ts'
import type { GatewayStore } from '../platform/ports/metadata.ts'
import { crashPoint } from '../platform/runtime/crash-points.ts'
import type { Running } from '../platform/runtime/lifecycle.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { MetricsRegistry } from '../platform/runtime/metrics-registry.ts'
import type { GatewayName } from '../schemas/topics.ts'
import { CONNECT_BYTES_MAX, type IngestConfig, PACKET_BYTES_MAX } from './config.ts'
import { createGatewayPolicy, type Publisher } from './gateway-policy.ts'
import { createLargeChecker } from './large-checker.ts'
import { type ListenerLimits, startListener, type Transport } from './listener.ts'
import { createTrouble } from './log-trouble.ts'
import { createMessageChecks } from './message-checks.ts'
import { createIngestMetrics } from './metrics.ts'
import type { Outcome } from './outcome.ts'
import { startPresence } from './presence.ts'
import { startRevocationWatch } from './revocation-watch.ts'

export { createTlsTransport } from './tls-transport.ts'

const DAY_MS = 86_400_000
/** Records on their way to the event log. Past it, no more messages are checked: the faults of a bad one take more room than it did itself. */
const APPENDING_BYTES_MAX = 2 * 1_048_576
const REVOCATION_EVERY_MS = 400
const PRESENCE_EVERY_MS = 1_000

export interface IngestPorts {
  readonly eventLog: EventLogWriter
  readonly registry: GatewayStore
  readonly transport: Transport
  readonly clock: () => number
  /** What it is called among listeners that share a registry: always the same where it is the only one. */
  readonly listener: string
}

export interface IngestSurroundings {
  readonly config: IngestConfig
  readonly log: Logger
  readonly metrics: MetricsRegistry
}

export interface Ingest extends Running {
  /** Where gateways connect. */
  readonly port: number
}

/** MQTT in, event log out: a message is acknowledged when its readings, or its refusal, are durable. */
export async function startIngest(ports: IngestPorts, { config, log, metrics: registry }: IngestSurroundings): Promise<Ingest> {
  const { eventLog, clock } = ports
  const metrics = createIngestMetrics(registry)
  const trouble = createTrouble(log)
  let appendingBytes = 0
  const window = { retentionMs: config.MILLRACE_RETENTION_DAYS * DAY_MS, aheadMs: config.MILLRACE_READING_AHEAD_MAX_MS }
  const large = createLargeChecker(window, log)
  const checks = createMessageChecks({ window, large, hasRoom: () => appendingBytes < APPENDING_BYTES_MAX })

  const { registry: gateways, listener: name } = ports
  const presence = await startPresence({ registry: gateways, listener: name, clock, log, everyMs: PRESENCE_EVERY_MS })

  function consume(publisher: Publisher, payload: Uint8Array, done: (error?: Error) => void): void {
    const from: GatewayName = { tenant: publisher.tenant, gateway: publisher.gateway }
    const startMs = performance.now()
    const receivedMs = clock()
    presence.heard(from)
    checks.check({
      from,
      payload,
      receivedMs,
      isWanted: () => !publisher.isEnded,
      decided: (outcome) => append(from, outcome, startMs, done),
      dropped: done,
    })
  }

  function append(from: GatewayName, outcome: Outcome, startMs: number, done: (error?: Error) => void): void {
    const { records, sizeBytes } = outcome
    appendingBytes += sizeBytes
    const settle = (): void => {
      appendingBytes -= sizeBytes
      checks.resume()
    }
    crashPoint('ingest.before-append')
    eventLog.append(records).then(
      () => {
        crashPoint('ingest.after-append')
        settle()
        trouble.succeeded()
        metrics.durable(outcome, performance.now() - startMs)
        done()
      },
      (error: Error) => {
        settle()
        metrics.lost()
        trouble.failed(from, error)
        done(error)
      },
    )
  }

  const policy = createGatewayPolicy({
    registry: ports.registry,
    connectionsPerTenantMax: config.MILLRACE_MQTT_CONNECTIONS_PER_TENANT_MAX,
    clock,
    log,
    consume,
    onOpened: presence.connected,
    onClosed: presence.disconnected,
  })
  const watch = startRevocationWatch({ registry: ports.registry, live: policy.live, clock, log, everyMs: REVOCATION_EVERY_MS })
  const listening = startListener({ transport: ports.transport, policy, limits: limitsOf(config), metrics, log })
  const listener = await listening.catch(async (error: unknown) => {
    await Promise.all([watch.stop(), presence.stop()])
    throw error
  })
  const sample = setInterval(() => metrics.inFlight(listener.inFlight.messages, listener.inFlight.bytes), 1_000)

  return {
    name: 'ingest',
    port: listener.port,
    async stop() {
      clearInterval(sample)
      await listener.stop()
      await watch.stop()
      await presence.stop()
      await large.stop()
    },
  }
}

function limitsOf(config: IngestConfig): ListenerLimits {
  return {
    packetBytesMax: PACKET_BYTES_MAX,
    connectBytesMax: CONNECT_BYTES_MAX,
    connectTimeoutMs: config.MILLRACE_MQTT_CONNECT_TIMEOUT_MS,
    packetTimeoutMs: config.MILLRACE_MQTT_PACKET_TIMEOUT_MS,
    keepAliveMaxSeconds: config.MILLRACE_MQTT_KEEP_ALIVE_MAX_SECONDS,
    perConnection: {
      messagesMax: config.MILLRACE_MQTT_CONNECTION_IN_FLIGHT_MESSAGES_MAX,
      bytesMax: config.MILLRACE_MQTT_CONNECTION_IN_FLIGHT_BYTES_MAX,
    },
    inAll: { messagesMax: config.MILLRACE_MQTT_IN_FLIGHT_MESSAGES_MAX, bytesMax: config.MILLRACE_MQTT_IN_FLIGHT_BYTES_MAX },
  }
}
