import { crc32c } from '@node-rs/crc32'
import { AT, CODEC_MASK, LENGTH_END } from './format.ts'
import { type Cursor, readVarint } from './varint.ts'

/** As much of kafkajs' own message as kafkajs, and we, look at. Its offset and its time are numbers here, where kafkajs has texts of them. */
export interface DecodedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | null>>
  readonly isControlRecord: boolean
  readonly batchContext: BatchContext
}

/** By what kafkajs leaves out the messages of transactions that were given up. */
interface BatchContext {
  readonly producerId: string
  readonly inTransaction: boolean
}

export interface DecodedBatch {
  readonly records: readonly DecodedRecord[]
  /** Where the next batch begins. */
  readonly end: number
}

/** Its checksum is another: a disk has lied, or a network. */
export class DamagedBatch extends Error {
  readonly firstOffset: number

  constructor(firstOffset: number) {
    super(`The record batch at offset ${firstOffset} is damaged: its checksum is another.`)
    this.firstOffset = firstOffset
  }
}

/** `undefined` for the codec of what isn't compressed. */
export type CodecOf = (attributes: number) => { decompress(bytes: Buffer): Promise<Buffer> } | null

const APPEND_TIME = 0x8
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const NO_HEADERS: DecodedRecord['headers'] = {}

/**
 * The record batch at `start`. What it says is checked against its checksum, as the embedded log's is: a damaged batch is never taken for readings.
 *
 * @returns undefined when only a part of it is here: a fetch may end anywhere.
 * @throws {DamagedBatch}
 */
export async function decodeRecordSet(bytes: Buffer, start: number, codecOf: CodecOf): Promise<DecodedBatch | undefined> {
  const end = start + LENGTH_END + bytes.readInt32BE(start + AT.length)
  if (end > bytes.length) return undefined
  const batch = bytes.subarray(start, end)
  const firstOffset = Number(batch.readBigInt64BE(AT.firstOffset))
  if (crc32c(batch.subarray(AT.attributes)) !== batch.readUInt32BE(AT.checksum)) throw new DamagedBatch(firstOffset)
  const attributes = batch.readInt16BE(AT.attributes)
  const codec = codecOf(attributes & CODEC_MASK)
  const packed = batch.subarray(AT.records)
  const cursor: Cursor = { bytes: codec === null ? packed : await codec.decompress(packed), at: 0 }
  const isStamped = (attributes & APPEND_TIME) !== 0
  const common = {
    firstOffset,
    firstTimestamp: Number(batch.readBigInt64BE(isStamped ? AT.maxTimestamp : AT.firstTimestamp)),
    isStamped,
    isControlRecord: (attributes & CONTROL) !== 0,
    batchContext: {
      producerId: String(batch.readBigInt64BE(AT.producerId)),
      inTransaction: (attributes & TRANSACTIONAL) !== 0,
    },
  }
  const records: DecodedRecord[] = []
  const count = batch.readInt32BE(AT.count)
  for (let index = 0; index < count; index++) records.push(readRecord(cursor, common))
  return { records, end }
}

interface Common {
  readonly firstOffset: number
  readonly firstTimestamp: number
  /** All have the time at which the broker took the batch. */
  readonly isStamped: boolean
  readonly isControlRecord: boolean
  readonly batchContext: BatchContext
}

function readRecord(cursor: Cursor, { firstOffset, firstTimestamp, isStamped, ...rest }: Common): DecodedRecord {
  const length = readVarint(cursor)
  const end = cursor.at + length
  // Attributes, of which a record has none so far.
  cursor.at++
  const timeDelta = readVarint(cursor)
  const offset = firstOffset + readVarint(cursor)
  const key = readBytes(cursor)
  const value = readBytes(cursor)
  const headers = readHeaders(cursor)
  cursor.at = end
  const timestamp = isStamped ? firstTimestamp : firstTimestamp + timeDelta
  return { offset, timestamp, key, value, headers, isControlRecord: rest.isControlRecord, batchContext: rest.batchContext }
}

function readBytes(cursor: Cursor): Buffer | null {
  const length = readVarint(cursor)
  if (length < 0) return null
  const from = cursor.at
  cursor.at += length
  return cursor.bytes.subarray(from, cursor.at)
}

/** Of several of one name the first one stands: we write no such. */
function readHeaders(cursor: Cursor): DecodedRecord['headers'] {
  const count = readVarint(cursor)
  if (count <= 0) return NO_HEADERS
  // Without a prototype, which a header could otherwise name.
  const headers: Record<string, Buffer | null> = Object.create(null)
  for (let index = 0; index < count; index++) {
    const name = readBytes(cursor)?.toString('utf8') ?? ''
    const value = readBytes(cursor)
    if (!(name in headers)) headers[name] = value
  }
  return headers
}
