/** Where things lie in a record batch of format 2: Kafka protocol guide, "Record Batch". Everything from `attributes` on is under the checksum. */
export const AT = {
  firstOffset: 0,
  length: 8,
  magic: 16,
  checksum: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  count: 57,
  records: 61,
} as const
/** The length counts what is behind it. */
export const LENGTH_END = 12
export const MAGIC = 2
export const CODEC_MASK = 7
