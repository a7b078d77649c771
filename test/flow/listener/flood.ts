import { setTimeout } from 'node:timers/promises'
import type { ByteClient } from './byte-client.ts'
import { numbered, padded } from './messages.ts'
import { acknowledgement, publish } from './mqtt-bytes.ts'

const LOOK_EVERY_MS = 25
/** A line that has not moved for so many looks stands still. */
const STILL_LOOKS = 16

export interface Flood {
  /** How many messages have been given to the socket. */
  readonly written: number
  /** How many bytes have left this process. */
  readonly sentBytes: number
  /** Sends no more new ones. */
  stop(): void
}

/** Sends messages of QoS 1, numbered from 1, as long as the socket takes them, and without waiting for acknowledgements. */
export function flood(client: ByteClient, topic: string, { sizeBytes, max }: { sizeBytes: number; max: number }): Flood {
  let written = 0
  let bytes = 0
  let isStopped = false

  function write(): void {
    while (!isStopped && written < max && !client.isClosed) {
      written++
      const message = publish({ topic, payload: padded(written, sizeBytes), qos: 1, id: written })
      bytes += message.length
      if (!client.socket.write(message)) return void client.socket.once('drain', write)
    }
  }
  write()

  return {
    get written() {
      return written
    },
    get sentBytes() {
      return bytes - client.socket.writableLength
    },
    stop() {
      isStopped = true
    },
  }
}

/** Resolves when a number has stopped to grow. @returns what it stands at. */
export async function standstill(read: () => number): Promise<number> {
  let last = read()
  for (let still = 0; still < STILL_LOOKS; still++) {
    await setTimeout(LOOK_EVERY_MS)
    const now = read()
    if (now !== last) still = 0
    last = now
  }
  return last
}

/** Takes acknowledgements from `first` on and demands that they come in order. */
export async function takeAcknowledgements(client: ByteClient, first: number, last: number): Promise<void> {
  for (let id = first; id <= last; id++) {
    const packet = await client.takePacket()
    if (!packet.equals(acknowledgement('puback', id))) throw new Error(`Expected PUBACK ${id}, got ${packet.toString('hex')}.`)
  }
}

export const message = (topic: string, id: number): Buffer => publish({ topic, payload: numbered(id), qos: 1, id })
