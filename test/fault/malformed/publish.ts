import type { GatewayCredentials } from '../../../operate/simulator/gateway-link.ts'
import { readingsTopic } from '../../../schemas/topics.ts'
import { type Door, openLine } from '../harness/line.ts'

/** Messages that wait for their PUBACK at a time, as of a busy gateway. */
const IN_FLIGHT_MAX = 40

export interface Publisher {
  /** Publishes in this order; resolves when all are acknowledged. @throws {Error} when the connection ends before. */
  publish(payloads: readonly Buffer[]): Promise<void>
  close(): void
}

/** A gateway that sends whatever it is told to, on one connection: that this stays open is part of what is shown. */
export async function openPublisher(door: Door, credentials: GatewayCredentials): Promise<Publisher> {
  const topic = readingsTopic(credentials)
  const line = openLine(door, credentials)
  const closed = new Promise<never>((_, reject) => {
    line.once('close', () => reject(new Error(`The connection of ${credentials.gateway} has ended.`)))
  })
  closed.catch(() => undefined)
  await Promise.race([new Promise<void>((resolve) => line.once('connect', () => resolve())), closed])

  function send(payloads: readonly Buffer[]): Promise<void> {
    return new Promise((resolve, reject) => {
      let sent = 0
      let acked = 0
      function fill(): void {
        for (let payload = payloads[sent]; payload !== undefined && sent - acked < IN_FLIGHT_MAX; payload = payloads[sent]) {
          sent++
          line.publish(topic, payload, { qos: 1 }, (error) => {
            if (error) return reject(error)
            acked++
            if (acked === payloads.length) resolve()
            else fill()
          })
        }
      }
      if (payloads.length === 0) resolve()
      else fill()
    })
  }

  return {
    publish: (payloads) => Promise.race([send(payloads), closed]),
    close() {
      line.end(true)
    },
  }
}
