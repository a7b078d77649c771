import { once } from 'node:events'
import { connect } from 'node:net'
import { generate } from 'mqtt-packet'

/** A bare MQTT client on a plain socket, which sends exactly the packets it is told to and counts what comes back. */
export interface PlainClient {
  /** Publishes with QoS 1, all in one write; packet ids are the keys. */
  publish(payloads: ReadonlyMap<number, string>): void
  /** Packet ids in the order in which their acknowledgements came. */
  readonly acked: readonly number[]
  /** Resolves when this many have come in all, or the connection has ended. */
  whenAcked(count: number): Promise<void>
  readonly closed: Promise<unknown>
  close(): void
}

const PUBACK_BYTES = 4

export async function openPlainClient(port: number, clientId: string): Promise<PlainClient> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  socket.on('error', () => undefined)
  const closed = once(socket, 'close').catch(() => undefined)
  socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId, keepalive: 60 }))
  await once(socket, 'data')

  const acked: number[] = []
  let rest = Buffer.alloc(0)
  let onAcked = (): void => undefined
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (; rest.length >= PUBACK_BYTES; rest = rest.subarray(PUBACK_BYTES)) acked.push(rest.readUInt16BE(2))
    onAcked()
  })

  return {
    acked,
    closed,
    publish(payloads) {
      const packets = [...payloads].map(([messageId, payload]) =>
        generate({
          cmd: 'publish',
          topic: `v1/acme/${clientId}/readings`,
          qos: 1,
          dup: false,
          retain: false,
          messageId,
          payload,
        }),
      )
      socket.write(Buffer.concat(packets))
    },
    async whenAcked(count) {
      const reached = new Promise<void>((resolve) => {
        onAcked = () => {
          if (acked.length >= count) resolve()
        }
        onAcked()
      })
      await Promise.race([reached, closed])
    },
    close: () => socket.destroy(),
  }
}
