import type { MqttClient } from 'mqtt'
import type { Logger } from '../../platform/runtime/log.ts'

const QOS = 1
/** MQTT 5: what the broker has kept is not sent [MQTT-3.8.3.1]. With 3.1.1 it may be. */
const NO_RETAINED = 2
/** From here on, a code of SUBACK is a refusal. */
const REFUSED = 0x80

export interface Subscribed {
  /** Messages come, and are sent again until they are acknowledged. */
  granted(): void
  refused(): void
  /** There is no answer; the connection is gone, or should be. */
  failed(): void
}

/** Asks for messages; a broker that won't send them, or would send them without waiting for an acknowledgement, has refused. */
export function subscribe(client: MqttClient, filter: string, log: Logger, subscribed: Subscribed): void {
  client.subscribe(filter, { qos: QOS, rh: NO_RETAINED }, (error, _subscriptions, suback) => {
    const [code] = suback?.granted ?? []
    if (error && (typeof code !== 'number' || code < REFUSED)) return subscribed.failed()
    if (code === QOS) return subscribed.granted()
    log.error(
      { filter, code },
      'The broker refused the subscription of the bridge: nothing comes. Code 128 or 135: let the user of the bridge subscribe to this filter. Code 158: the broker has no shared subscriptions. Code 0: it does not grant QoS 1. Tried again.',
    )
    subscribed.refused()
  })
}
