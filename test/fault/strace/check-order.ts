import type { Call } from './parse-trace.ts'

/** How far each acknowledged message had come when its acknowledgement left. */
export interface AckedMessage {
  /** Names the message in the order in which they were acknowledged. */
  readonly marker: string
  /** In order of what happened; undefined where it didn't. */
  readonly writtenAt: number | undefined
  readonly syncedAt: number | undefined
  readonly ackedAt: number
}

export type OrderFault = 'not-written-before' | 'not-synced-before'

export interface AckOnSocket {
  readonly marker: string
  /** When the call that wrote it to the socket began. */
  readonly at: number
}

const SYNCS: ReadonlySet<string> = new Set(['fdatasync', 'fsync'])

/**
 * For every acknowledgement: the log's write of that message had returned, then a sync of the same file began and returned without an error,
 * and only then did the acknowledgement's write begin.
 *
 * @param logFile  The end of the path of the file to which the log's commits go.
 */
export function checkOrder(calls: readonly Call[], acks: readonly AckOnSocket[], logFile: string) {
  const ofLog = calls.filter(({ target }) => target.endsWith(logFile))
  const writes = ofLog.filter(({ name }) => !SYNCS.has(name))
  const syncs = ofLog.filter(({ name, result }) => SYNCS.has(name) && result === 0)
  const messages = acks.map(({ marker, at }): AckedMessage => {
    const written = writes.find(({ bytes }) => bytes.includes(marker))
    const synced = written && syncs.find(({ begunAt }) => begunAt >= written.endedAt)
    return { marker, ackedAt: at, writtenAt: written?.endedAt, syncedAt: synced?.endedAt }
  })
  const faults = messages.flatMap(({ writtenAt, syncedAt, ackedAt }): readonly OrderFault[] => {
    if (writtenAt === undefined || writtenAt > ackedAt) return ['not-written-before']
    return syncedAt === undefined || syncedAt > ackedAt ? ['not-synced-before'] : []
  })
  return { messages, faults }
}

const PUBACK_BYTES = 4
const PUBACK_HEAD = 0x40

/**
 * The acknowledgements on plain sockets: PUBACK is `40 02` and the packet id (MQTT 3.1.1, 3.4), and one write may hold several.
 *
 * @param markers  The marker of the message with each packet id.
 */
export function findPubacks(calls: readonly Call[], markers: ReadonlyMap<number, string>): readonly AckOnSocket[] {
  return calls
    .filter(({ target }) => target.startsWith('TCP'))
    .flatMap(({ bytes, begunAt }) =>
      Array.from({ length: Math.floor(bytes.length / PUBACK_BYTES) }, (_, index) =>
        bytes.subarray(index * PUBACK_BYTES, (index + 1) * PUBACK_BYTES),
      )
        .filter((packet) => packet[0] === PUBACK_HEAD)
        .map((packet) => ({ marker: markers.get(packet.readUInt16BE(2)) ?? 'nothing that was sent', at: begunAt })),
    )
}
