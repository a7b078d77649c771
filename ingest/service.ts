import type { EventLogWriter } from '../platform/ports/event-log.ts'
import type { GatewayStore, TenantStore } from '../platform/ports/metadata.ts'
import type { Running } from '../platform/runtime/lifecycle.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { MetricsRegistry } from '../platform/runtime/metrics-registry.ts'
import { createBridgeMetrics } from './bridge/metrics.ts'
import { type BridgeSettings, startBridge } from './bridge/service.ts'
import { CONNECT_BYTES_MAX, type IngestConfig, PACKET_BYTES_MAX } from './config.ts'
import { createGatewayPolicy, type Publisher } from './gateway-policy.ts'
import { createIntake } from './intake.ts'
import { type ListenerLimits, startListener, type Transport } from './listener.ts'
import { createIngestMetrics } from './metrics.ts'
import { startPresence } from './presence.ts'
import { startRevocationWatch } from './revocation-watch.ts'

export type { BridgeSettings } from './bridge/service.ts'
export { createTlsTransport } from './tls-transport.ts'

const REVOCATION_EVERY_MS = 400
const PRESENCE_EVERY_MS = 1_000

export interface IngestPorts {
  readonly eventLog: EventLogWriter
  readonly registry: GatewayStore & Pick<TenantStore, 'tenant'>
  readonly transport: Transport
  readonly clock: () => number
  /** What it is called among listeners that share a registry: always the same where it is the only one. */
  readonly listener: string
}

export interface IngestSurroundings {
  readonly config: IngestConfig
  readonly log: Logger
  readonly metrics: MetricsRegistry
  /** Where messages come from a broker that is already there, too. */
  readonly bridge?: BridgeSettings | undefined
}

export interface Ingest extends Running {
  /** Where gateways connect. */
  readonly port: number
}

/** MQTT in, event log out: a message is acknowledged when its readings, or its refusal, are durable. */
export async function startIngest(
  ports: IngestPorts,
  { config, log, metrics: registry, bridge: settings }: IngestSurroundings,
): Promise<Ingest> {
  const { eventLog, clock } = ports
  const metrics = createIngestMetrics(registry)
  const intake = createIntake({ eventLog, clock, config, log, metrics })
  const bridge =
    settings && startBridge(settings, { intake, registry: ports.registry, clock, log, metrics: createBridgeMetrics(registry) })
  const { registry: gateways, listener: name } = ports
  const presence = await startPresence({
    registry: gateways,
    listener: name,
    clock,
    log,
    everyMs: PRESENCE_EVERY_MS,
  }).catch(async (error: unknown) => {
    await bridge?.stop()
    throw error
  })

  function consume(publisher: Publisher, payload: Uint8Array, done: (error?: Error) => void): void {
    presence.heard(publisher)
    intake.consume(publisher, payload, done)
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
    await Promise.all([watch.stop(), presence.stop(), bridge?.stop()])
    throw error
  })
  const sample = setInterval(() => metrics.inFlight(listener.inFlight.messages, listener.inFlight.bytes), 1_000)

  return {
    name: 'ingest',
    port: listener.port,
    async stop() {
      clearInterval(sample)
      // Each waits for what is in flight, so both together.
      await Promise.all([listener.stop(), bridge?.stop()])
      await watch.stop()
      await presence.stop()
      await intake.stop()
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
