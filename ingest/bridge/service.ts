import type { TenantStore } from '../../platform/ports/metadata.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { Running } from '../../platform/runtime/lifecycle.ts'
import type { Logger } from '../../platform/runtime/log.ts'
import { type GatewayName, parseLogKey } from '../../schemas/topics.ts'
import type { Intake } from '../intake.ts'
import { rejection } from '../receive.ts'
import { type BridgeClient, type BridgeConnection, type Delivery, openBridgeClient } from './connect.ts'
import { createKnownTenants } from './known-tenants.ts'
import type { BridgeMetrics, BridgeRefusal } from './metrics.ts'

export interface BridgeSettings {
  readonly connection: BridgeConnection
  readonly group: string
  /** That the broker lets every gateway publish to its own topic alone. */
  readonly trustsTopics: boolean
}

export interface BridgePorts {
  readonly intake: Intake
  readonly registry: Pick<TenantStore, 'tenant'>
  readonly clock: () => number
  readonly log: Logger
  readonly metrics: BridgeMetrics
}

const TOPIC = /^v1\/([^/]+\/[^/]+)\/readings$/
const LOGGED_EVERY_MS = 10_000

/**
 * Takes messages from a broker that is already there. Each is acknowledged to it once its readings, or its refusal, are durable; while the event log
 * is away the connection is broken, so that the broker sends again.
 *
 * @throws {MillraceError} `config.invalid` unless the topics are trusted.
 */
export function startBridge({ connection, group, trustsTopics }: BridgeSettings, ports: BridgePorts): Running {
  if (!trustsTopics) {
    throw new MillraceError(
      'config.invalid',
      'The bridge takes the tenant of a message from its topic. Where the broker lets every gateway publish to its own topic and to no other, set MILLRACE_BRIDGE_TRUSTS_TOPICS=yes; otherwise let gateways connect to Millrace itself.',
    )
  }
  const { intake, clock, log, metrics } = ports
  const isKnown = createKnownTenants(ports.registry, clock)
  const filter = `$share/${group}/v1/+/+/readings`
  let loggedMs = 0
  const bridge: BridgeClient = openBridgeClient(connection, (delivery) => void deliver(delivery))
  const { client } = bridge

  client.on('connect', () => {
    client.subscribe(filter, { qos: 1 }, (error) => {
      if (error) return bridge.startOver()
      metrics.connected(true)
      log.info({ url: connection.url, filter }, 'The bridge takes messages from its broker.')
    })
  })
  client.on('close', () => metrics.connected(false))
  client.on('error', (error) =>
    log.warn({ url: connection.url, err: error }, 'The broker of the bridge can not be used; tried again.'),
  )

  async function deliver(delivery: Delivery): Promise<void> {
    metrics.received()
    const from = gatewayOf(delivery.topic)
    if (from === undefined) {
      refuse('topic', delivery.topic, 'has no valid names: it is dropped')
      return finish(delivery)
    }
    try {
      if (await isKnown(from.tenant)) intake.consume({ ...from, isEnded: false }, delivery.payload, settle)
      else {
        refuse('tenant-unknown', delivery.topic, 'names a tenant that is not known here: it is kept among the rejected')
        const fault = { reason: 'tenant.unknown', pointer: '', detail: delivery.topic } as const
        intake.append(from, [rejection(from, delivery.payload, clock(), [fault])], settle)
      }
    } catch {
      bridge.startOver()
    }

    function settle(error?: Error): void {
      if (error === undefined) finish(delivery)
      else bridge.startOver()
    }
  }

  function finish(delivery: Delivery): void {
    delivery.acknowledge()
    metrics.acknowledged()
  }

  function refuse(reason: BridgeRefusal, topic: string, what: string): void {
    metrics.refused(reason)
    if (clock() - loggedMs < LOGGED_EVERY_MS) return
    loggedMs = clock()
    log.warn({ reason, topic }, `A message came to the bridge whose topic ${what}.`)
  }

  return { name: 'bridge', stop: () => client.endAsync(true) }
}

function gatewayOf(topic: string): GatewayName | undefined {
  const [, key = ''] = TOPIC.exec(topic) ?? []
  return parseLogKey(key)
}
