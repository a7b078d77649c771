import { MillraceError } from '../../platform/runtime/errors.ts'
import type { Running } from '../../platform/runtime/lifecycle.ts'
import { MESSAGE_BYTES_MAX } from '../../schemas/message.ts'
import { type GatewayName, parseLogKey } from '../../schemas/topics.ts'
import type { Intake } from '../intake.ts'
import { type AdmissionOptions, startAdmission } from './admission.ts'
import { type Delivery, openBridgeClient } from './client.ts'
import type { BridgeConnection } from './connect-options.ts'
import type { BridgeMetrics } from './metrics.ts'
import { type BridgeRefusal, refusalRecord } from './refusal.ts'
import { subscribe } from './subscribe.ts'

export interface BridgeSettings {
  readonly connection: BridgeConnection
  readonly group: string
  /** That the broker lets every gateway publish to its own topic alone. */
  readonly trustsTopics: boolean
}

export interface BridgePorts extends AdmissionOptions {
  readonly intake: Intake
  readonly metrics: BridgeMetrics
}

const TOPIC = /^v1\/([^/]+\/[^/]+)\/readings$/
/** Not for each of thousands of messages. */
const TOLD_EVERY_MS = 10_000

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
  const { url } = connection
  const filter = `$share/${group}/v1/+/+/readings`
  let toldMs = 0
  const bridge = openBridgeClient(connection, {
    onDelivery: (delivery) => void deliver(delivery),
    onAcknowledged: metrics.acknowledged,
  })
  const admission = startAdmission(ports)
  metrics.inFlight(bridge.inFlight)

  bridge.client.on('connect', () =>
    subscribe(bridge.client, filter, log, {
      granted() {
        metrics.connected(true)
        log.info({ url, filter }, 'The bridge takes messages from its broker.')
      },
      refused() {
        metrics.subscriptionRefused()
        bridge.startOver()
      },
      failed: bridge.startOver,
    }),
  )
  bridge.client.on('close', () => metrics.connected(false))
  bridge.client.on('error', (error) => log.warn({ url, err: error }, 'The broker of the bridge can not be used; tried again.'))

  async function deliver(delivery: Delivery): Promise<void> {
    metrics.received()
    const { topic, payload, settle, isRetained } = delivery
    if (isRetained) {
      metrics.retained()
      return settle()
    }
    const from = gatewayOf(topic)
    try {
      const refusal = from === undefined ? 'topic.invalid' : await admission.refusal(from)
      const reason = refusal ?? (payload.length > MESSAGE_BYTES_MAX ? 'payload.too-large' : undefined)
      if (reason !== undefined) refuse(delivery, reason, from)
      else if (from !== undefined) intake.consume({ ...from, isEnded: false }, payload, settle)
    } catch (error) {
      if (isTimeToTell())
        log.error(
          { topic, err: error },
          'The registry does not say whose a message of the bridge is. It is not acknowledged and the connection is closed; the broker sends it again.',
        )
      settle(error instanceof Error ? error : new Error(String(error)))
    }
  }

  function refuse(delivery: Delivery, reason: BridgeRefusal, from: GatewayName | undefined): void {
    metrics.refused(reason)
    intake.append({}, [refusalRecord(delivery, { reason, from, receivedMs: clock() })], delivery.settle)
    const { topic, payload } = delivery
    if (isTimeToTell())
      log.warn({ reason, topic, sizeBytes: payload.length }, 'A message of the bridge is refused, and kept among the rejected.')
  }

  function isTimeToTell(): boolean {
    const nowMs = clock()
    if (nowMs - toldMs < TOLD_EVERY_MS) return false
    toldMs = nowMs
    return true
  }

  return {
    name: 'bridge',
    async stop() {
      await bridge.stop()
      admission.stop()
    },
  }
}

function gatewayOf(topic: string): GatewayName | undefined {
  const [, key = ''] = TOPIC.exec(topic) ?? []
  return parseLogKey(key)
}
