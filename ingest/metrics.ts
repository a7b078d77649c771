import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Outcome } from './outcome.ts'

export type IngestMetrics = ReturnType<typeof createIngestMetrics>

/** Labels are closed sets. Gateway and tenant ids go to the log, never to a label. */
export function createIngestMetrics(registry: Registry) {
  const registers = [registry]
  // Counted here and handed over when somebody asks: a labelled counter costs more than all else that is done for a small message at its end.
  const counted = { accepted: 0, partial: 0, rejected: 0, readings: 0 }
  const messages = new Counter({
    name: 'ingest_messages_total',
    help: 'Messages received over MQTT, by what became of them: accepted, partial, rejected, or lost (not acknowledged, because the event log could not take them).',
    labelNames: ['outcome'] as const,
    registers,
    collect() {
      for (const outcome of ['accepted', 'partial', 'rejected'] as const) {
        if (counted[outcome] > 0) this.inc({ outcome }, counted[outcome])
        counted[outcome] = 0
      }
    },
  })
  new Counter({
    name: 'ingest_readings_total',
    help: 'Readings made durable in the event log.',
    registers,
    collect() {
      this.inc(counted.readings)
      counted.readings = 0
    },
  })
  const faults = new Counter({
    name: 'ingest_faults_total',
    help: 'Faults found in messages, by reason.',
    labelNames: ['reason'] as const,
    registers,
  })
  const refusals = new Counter({
    name: 'ingest_refusals_total',
    help: 'Connections, publishes and subscriptions refused, by reason.',
    labelNames: ['reason'] as const,
    registers,
  })
  const connections = new Gauge({ name: 'ingest_connections', help: 'Open MQTT connections.', registers })
  const inFlightMessages = new Gauge({
    name: 'ingest_in_flight_messages',
    help: 'Messages received and not yet durable.',
    registers,
  })
  const inFlightBytes = new Gauge({ name: 'ingest_in_flight_bytes', help: 'Bytes received and not yet durable.', registers })
  const acknowledgeSeconds = new Histogram({
    name: 'ingest_acknowledge_duration_seconds',
    help: 'Time from the receipt of a message until it is durable.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })

  return {
    durable({ accepted, faultsByReason }: Outcome, durationMs: number): void {
      counted[accepted === 0 ? 'rejected' : faultsByReason.size > 0 ? 'partial' : 'accepted']++
      counted.readings += accepted
      for (const [reason, count] of faultsByReason) faults.inc({ reason }, count)
      acknowledgeSeconds.observe(durationMs / 1000)
    },
    lost(): void {
      messages.inc({ outcome: 'lost' })
    },
    refused(reason: string): void {
      refusals.inc({ reason })
    },
    connections(count: number): void {
      connections.set(count)
    },
    inFlight(messageCount: number, bytes: number): void {
      inFlightMessages.set(messageCount)
      inFlightBytes.set(bytes)
    },
  }
}
