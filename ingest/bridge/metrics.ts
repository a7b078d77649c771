import { Counter, Gauge, type Registry } from 'prom-client'
import type { Amount } from '../in-flight.ts'
import type { BridgeRefusal } from './refusal.ts'

export type BridgeMetrics = ReturnType<typeof createBridgeMetrics>

export function createBridgeMetrics(registry: Registry) {
  const registers = [registry]
  const connected = new Gauge({
    name: 'bridge_connected',
    help: 'Whether the bridge takes messages from its broker, 1 or 0: it is connected, and its subscription is granted.',
    registers,
  })
  const connects = new Counter({
    name: 'bridge_connects_total',
    help: 'Times that the bridge began to take messages from its broker.',
    registers,
  })
  const subscriptionsRefused = new Counter({
    name: 'bridge_subscriptions_refused_total',
    help: 'Times that the broker refused the subscription of the bridge; the log says with which code.',
    registers,
  })
  const received = new Counter({
    name: 'bridge_received_total',
    help: 'Messages that came from the broker, repeated ones too.',
    registers,
  })
  const acknowledged = new Counter({
    name: 'bridge_acknowledged_total',
    help: 'Acknowledgements (PUBACK) that were sent to the broker, each after its message was durable. Messages of QoS 0 have none.',
    registers,
  })
  const retained = new Counter({
    name: 'bridge_retained_total',
    help: 'Messages that the broker had retained and sent when the bridge subscribed. They came when they were published, so they are acknowledged and left.',
    registers,
  })
  const refused = new Counter({
    name: 'bridge_refused_total',
    help: 'Messages that were refused as a whole because of whose they are, or for their size, by reason of rejection.',
    labelNames: ['reason'] as const,
    registers,
  })
  return {
    connected(is: boolean): void {
      connected.set(is ? 1 : 0)
      if (is) connects.inc()
    },
    subscriptionRefused: (): void => subscriptionsRefused.inc(),
    received: (): void => received.inc(),
    retained: (): void => retained.inc(),
    acknowledged: (): void => acknowledged.inc(),
    refused: (reason: BridgeRefusal): void => refused.inc({ reason }),
    inFlight: createInFlightGauges(registry),
  }
}

/** @returns what is told once where to look. */
function createInFlightGauges(registry: Registry): (amount: Amount) => void {
  let inFlight: Amount = { messages: 0, bytes: 0 }
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  gauge('bridge_in_flight_messages', 'Messages received from the broker and not yet durable.', () => inFlight.messages)
  gauge('bridge_in_flight_bytes', 'Bytes received from the broker and not yet durable.', () => inFlight.bytes)
  return (amount) => {
    inFlight = amount
  }
}
