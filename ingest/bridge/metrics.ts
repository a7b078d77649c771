import { Counter, Gauge, type Registry } from 'prom-client'

export type BridgeRefusal = 'topic' | 'tenant-unknown'

export type BridgeMetrics = ReturnType<typeof createBridgeMetrics>

export function createBridgeMetrics(registry: Registry) {
  const registers = [registry]
  const connected = new Gauge({
    name: 'bridge_connected',
    help: 'Whether the bridge is connected to its broker, 1 or 0.',
    registers,
  })
  const connects = new Counter({
    name: 'bridge_connects_total',
    help: 'Times that the bridge connected to its broker.',
    registers,
  })
  const received = new Counter({
    name: 'bridge_received_total',
    help: 'Messages that came from the broker, repeated ones too.',
    registers,
  })
  const acknowledged = new Counter({
    name: 'bridge_acknowledged_total',
    help: 'Messages that were acknowledged to the broker, each after it was durable.',
    registers,
  })
  const refused = new Counter({
    name: 'bridge_refused_total',
    help: 'Messages that are nobody’s: their topic has no valid names (topic), or names a tenant that is not known here (tenant-unknown).',
    labelNames: ['reason'] as const,
    registers,
  })
  return {
    connected(is: boolean): void {
      connected.set(is ? 1 : 0)
      if (is) connects.inc()
    },
    received: (): void => received.inc(),
    acknowledged: (): void => acknowledged.inc(),
    refused: (reason: BridgeRefusal): void => refused.inc({ reason }),
  }
}
