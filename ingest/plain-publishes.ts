/** A PUBLISH as gateways send nearly all of theirs: QoS 1, not retained, to the one topic that is theirs. */
export interface PlainPublish {
  readonly messageId: number
  readonly payload: Buffer
  /** Of all behind the fixed header. */
  readonly length: number
}

/** Type 3, QoS 1; DUP may be set, which is between the gateway and us. MQTT 3.1.1, 3.3.1. */
const PLAIN = 0x32
const DUP = 0x08
/** The remaining length has at most four bytes, MQTT 3.1.1 2.2.3. */
const LENGTH_BYTES_MAX = 4
const NUMBER_BYTES = 2

/**
 * Reads the plain publishes that `bytes` begins with, up to the first packet that is another, is cut off, or isn't taken. aedes and its parser would
 * come to the same with a dozen objects for each, which is a third of all that a small message costs.
 *
 * @param bytes  Begin with a packet, whose frame has been checked.
 * @param take   Returns false for one that must be looked at by others.
 * @returns how many bytes have been read.
 */
export function readPlainPublishes(bytes: Buffer, topic: Buffer, take: (publish: PlainPublish) => boolean): number {
  let start = 0
  for (;;) {
    if (((bytes[start] ?? 0) & ~DUP) !== PLAIN) return start
    const lengthEnd = endOfLength(bytes, start + 1)
    const length = lengthOf(bytes, start + 1, lengthEnd)
    const topicAt = lengthEnd + NUMBER_BYTES
    const idAt = topicAt + topic.length
    const end = lengthEnd + length
    if (end > bytes.length || idAt + NUMBER_BYTES > end) return start
    if (bytes.readUInt16BE(lengthEnd) !== topic.length || topic.compare(bytes, topicAt, idAt) !== 0) return start
    const publish = { messageId: bytes.readUInt16BE(idAt), payload: bytes.subarray(idAt + NUMBER_BYTES, end), length }
    if (!take(publish)) return start
    start = end
  }
}

function endOfLength(bytes: Buffer, from: number): number {
  let at = from
  while ((bytes[at] ?? 0) >= 0x80 && at < from + LENGTH_BYTES_MAX) at++
  return at + 1
}

function lengthOf(bytes: Buffer, from: number, end: number): number {
  let length = 0
  for (let at = from, scale = 1; at < end; at++, scale *= 0x80) length += ((bytes[at] ?? 0) & 0x7f) * scale
  return length
}
