import { crc32c } from '@node-rs/crc32'
import { AT, LENGTH_END, MAGIC } from './format.ts'
import { sizeOfVarint, writeVarint } from './varint.ts'

export type Bytes = string | Buffer | null | undefined

export interface PlainMessage {
  readonly key?: Bytes
  readonly value: Bytes
  readonly headers?: Readonly<Record<string, Bytes>>
}

/** What a record set is worked on with before it leaves: none, or what kafkajs knows by the number. */
export interface Compression {
  readonly id: number
  compress(records: Buffer): Promise<Buffer>
}

/** Attributes and time of a record: each one byte, because both are 0. */
const FIXED_BYTES = 2

const lengthOf = (bytes: Bytes): number =>
  bytes === null || bytes === undefined ? -1 : typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length

const sizeOfBytes = (length: number): number => sizeOfVarint(length) + Math.max(0, length)

function writeBytes(into: Buffer, at: number, bytes: Bytes): number {
  const length = lengthOf(bytes)
  const start = writeVarint(into, at, length)
  if (typeof bytes === 'string') into.write(bytes, start, 'utf8')
  else bytes?.copy(into, start)
  return start + Math.max(0, length)
}

function sizeOfHeaders(headers: PlainMessage['headers']): number {
  const names = Object.keys(headers ?? {})
  let size = sizeOfVarint(names.length)
  for (const name of names) size += sizeOfBytes(lengthOf(name)) + sizeOfBytes(lengthOf(headers?.[name]))
  return size
}

function writeHeaders(into: Buffer, at: number, headers: PlainMessage['headers']): number {
  const names = Object.keys(headers ?? {})
  let next = writeVarint(into, at, names.length)
  for (const name of names) next = writeBytes(into, writeBytes(into, next, name), headers?.[name])
  return next
}

const sizeOfBody = ({ key, value, headers }: PlainMessage, offset: number): number =>
  FIXED_BYTES +
  sizeOfVarint(offset) +
  sizeOfBytes(lengthOf(key)) +
  sizeOfBytes(lengthOf(value)) +
  (headers === undefined ? 1 : sizeOfHeaders(headers))

function writeRecord(into: Buffer, at: number, message: PlainMessage, offset: number, bodyBytes: number): number {
  let next = writeVarint(into, at, bodyBytes)
  into[next++] = 0
  into[next++] = 0
  next = writeVarint(into, next, offset)
  next = writeBytes(into, writeBytes(into, next, message.key), message.value)
  if (message.headers !== undefined) return writeHeaders(into, next, message.headers)
  into[next++] = 0
  return next
}

/** The messages behind `room` bytes that are left free. Everything is measured first, so that nothing is copied twice. */
function writeRecords(messages: readonly PlainMessage[], room: number): Buffer {
  const bodies = messages.map(sizeOfBody)
  const size = bodies.reduce((sum, bytes) => sum + sizeOfVarint(bytes) + bytes, room)
  const into = Buffer.allocUnsafe(size)
  let next = room
  for (const [offset, message] of messages.entries()) next = writeRecord(into, next, message, offset, bodies[offset] ?? 0)
  return into
}

/** One record batch, format 2 (Kafka protocol guide, "Record Batch"): all of it received at `nowMs`, by a producer without an identity. */
export async function encodeRecordSet(
  messages: readonly PlainMessage[],
  nowMs: number,
  compression?: Compression,
): Promise<Buffer> {
  const plain = writeRecords(messages, AT.records)
  const batch =
    compression === undefined
      ? plain
      : Buffer.concat([plain.subarray(0, AT.records), await compression.compress(plain.subarray(AT.records))])
  batch.fill(0, 0, AT.records)
  batch.writeInt32BE(batch.length - LENGTH_END, AT.length)
  batch[AT.magic] = MAGIC
  batch.writeInt16BE(compression?.id ?? 0, AT.attributes)
  batch.writeInt32BE(messages.length - 1, AT.lastOffsetDelta)
  batch.writeBigInt64BE(BigInt(nowMs), AT.firstTimestamp)
  batch.writeBigInt64BE(BigInt(nowMs), AT.maxTimestamp)
  // -1 is nobody; kafkajs sends an epoch and a sequence of 0 with it.
  batch.writeBigInt64BE(-1n, AT.producerId)
  batch.writeInt32BE(messages.length, AT.count)
  batch.writeUInt32BE(crc32c(batch.subarray(AT.attributes)), AT.checksum)
  return batch
}
