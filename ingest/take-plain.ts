import type { Duplex } from 'node:stream'
import { type PlainPublish, readPlainPublishes } from './plain-publishes.ts'
import type { Session } from './policy.ts'
import type { Unacknowledged } from './unacknowledged.ts'
import { writePuback } from './write-pubacks.ts'

/**
 * Consumes the plain publishes with which `bytes` begins, and acknowledges each once it is durable; one that is lost ends the connection.
 * A peer that reads no acknowledgements is left to aedes, which waits for it; so is what must be refused, about which aedes says so.
 *
 * @returns how many of the bytes need not go on.
 */
export type TakePlain = (session: Session, bytes: Uint8Array) => number

export function createTakePlain(socket: Duplex, unacknowledged: Unacknowledged): TakePlain {
  let topicBytes: Buffer | undefined

  function consume(session: Session, topic: string, { messageId, payload, length }: PlainPublish): boolean {
    if (messageId < 1 || session.refusePublish({ topic, qos: 1, isRetained: false }) !== undefined) return false
    const acknowledge = (error?: Error): void => {
      if (error === undefined) writePuback(socket, messageId)
      else socket.destroy()
    }
    session.consume(payload, unacknowledged.add(length, acknowledge))
    return true
  }

  return (session, bytes) => {
    const { topic, isConsumed } = session
    if (!isConsumed || topic === undefined || socket.writableNeedDrain || !Buffer.isBuffer(bytes)) return 0
    topicBytes ??= Buffer.from(topic)
    return readPlainPublishes(bytes, topicBytes, (publish) => consume(session, topic, publish))
  }
}
