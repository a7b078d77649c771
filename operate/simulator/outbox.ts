import type { MqttClient } from 'mqtt'
import type { Reading } from '../../schemas/message.ts'
import type { GatewayName } from '../../schemas/topics.ts'

export interface OutgoingMessage extends GatewayName {
  readonly topic: string
  readonly payload: Buffer
  readonly readings: readonly Reading[]
}

/** What a gateway has to get acknowledged, oldest first, over any number of connections. */
export interface Outbox {
  /** Messages that wait for their PUBACK. */
  size(): number
  /** Messages that left again. */
  resent(): number
  /** Sends it now, or with the next connection. */
  add(message: OutgoingMessage): void
  /** A connection is open: sends everything over it that waits, oldest first, before anything new. */
  attach(client: MqttClient): void
  detach(): void
}

/** A server that takes messages and acknowledges none for this long is left, and everything is sent again. */
const ACK_TIMEOUT_MS = 60_000

/**
 * mqtt.js would keep what is in flight by itself, but sends it again without the DUP flag and not before what is published in the meantime.
 * So each connection is a client of its own, and what waits for its PUBACK is kept here.
 */
export function createOutbox(onAcked: (message: OutgoingMessage) => void): Outbox {
  const waiting = new Set<OutgoingMessage>()
  const sent = new WeakSet<OutgoingMessage>()
  let client: MqttClient | undefined
  let timer: NodeJS.Timeout | undefined
  let resent = 0

  function publish(to: MqttClient, message: OutgoingMessage): void {
    const isAgain = sent.has(message)
    if (isAgain) resent++
    sent.add(message)
    to.publish(message.topic, message.payload, { qos: 1, dup: isAgain }, (error) => {
      // An error here means that the connection ended: the message stays and is sent again.
      if (error || client !== to || !waiting.delete(message)) return
      awaitAck()
      onAcked(message)
    })
    if (timer === undefined) awaitAck()
  }

  /** Gives the server its time anew, for the next message that it hasn't acknowledged. */
  function awaitAck(): void {
    clearTimeout(timer)
    const slow = client
    timer = slow && waiting.size > 0 ? setTimeout(() => slow.stream.destroy(), ACK_TIMEOUT_MS) : undefined
  }

  return {
    size: () => waiting.size,
    resent: () => resent,
    add(message) {
      waiting.add(message)
      if (client !== undefined) publish(client, message)
    },
    attach(opened) {
      client = opened
      for (const message of waiting) publish(opened, message)
    },
    detach() {
      client = undefined
      awaitAck()
    },
  }
}
