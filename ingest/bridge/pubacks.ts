import type { MqttClient } from 'mqtt'

type Send = (packet: { readonly cmd: string }, done?: () => void, ...rest: readonly unknown[]) => void

/**
 * mqtt.js sends a PUBACK as soon as a message is handed back by `handleMessage`, and takes the next message only then: to wait there for the event log
 * would be one message a flush. So its PUBACKs go nowhere, and ours leave when we say. `_sendPacket` is not public: the version is pinned, and
 * `test/flow/bridge.test.ts` fails if it changes.
 *
 * @returns what sends a PUBACK on the connection that is open now.
 */
export function takeOverPubacks(client: MqttClient): (messageId: number) => void {
  const send: Send = Reflect.get(client, '_sendPacket').bind(client)
  const sendOthers: Send = (packet, done, ...rest) => {
    if (packet.cmd === 'puback') done?.()
    else send(packet, done, ...rest)
  }
  Reflect.set(client, '_sendPacket', sendOthers)
  return (messageId) => {
    const packet = { cmd: 'puback', messageId, reasonCode: 0 } as const
    send(packet)
  }
}
