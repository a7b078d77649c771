import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import { type CodecOf, DamagedBatch, type DecodedRecord, decodeRecordSet } from './decode.ts'
import { createProduceRequest, type ProduceParts } from './produce-request.ts'

const require = createRequire(import.meta.url)
const PRODUCE = 'kafkajs/src/protocol/requests/produce/v3/request'
const DECODE = 'kafkajs/src/protocol/recordBatch/v0/decoder'
const COMPRESSION = 'kafkajs/src/protocol/message/compression'

/**
 * kafkajs 2.2.4 allocates half a KiB for each record that it writes and copies it four times, and makes some twenty objects of each that it reads,
 * without a look at its checksum. Both are done here instead. kafkajs loads these modules with its first request.
 */
export function speedUpRecords(): void {
  const { lookupCodec, lookupCodecByAttributes } = require(COMPRESSION)
  const parts: ProduceParts = { theirs: require(PRODUCE), encoderOf: require('kafkajs/src/protocol/encoder'), lookupCodec }
  replace(PRODUCE, createProduceRequest(parts))
  replace(DECODE, createDecoder(lookupCodecByAttributes))
}

/** kafkajs asks again at once for what it didn't get. */
const DAMAGED_WAIT_MS = 250

let tellOfDamage: (damage: DamagedBatch) => void = () => undefined
/** Told each time that a damaged batch is met, which is as often as it is asked for. */
export function onDamagedBatch(tell: (damage: DamagedBatch) => void): void {
  tellOfDamage = tell
}

/** Where kafkajs is in what it has fetched. */
interface Decoder {
  readonly buffer: Buffer
  offset: number
}

const createDecoder =
  (codecOf: CodecOf) =>
  async (decoder: Decoder): Promise<{ readonly records: readonly DecodedRecord[] }> => {
    const batch = await decodeRecordSet(decoder.buffer, decoder.offset, codecOf).catch(passOver)
    // By this name kafkajs knows that the fetch ended there.
    if (batch === undefined)
      throw Object.assign(new Error('The fetch ends within a batch.'), { name: 'KafkaJSPartialMessageError' })
    decoder.offset = batch.end
    return batch
  }

/** What lies in front of it in its partition, and all of the others, is read; the partition itself stands still there. */
async function passOver(error: unknown): Promise<undefined> {
  if (!(error instanceof DamagedBatch)) throw error
  tellOfDamage(error)
  await setTimeout(DAMAGED_WAIT_MS)
}

function replace(name: string, exports: unknown): void {
  require(name)
  const loaded = require.cache[require.resolve(name)]
  if (loaded === undefined) throw new TypeError(`kafkajs has changed: ${name} is elsewhere.`)
  loaded.exports = exports
}
