import { MESSAGE_BYTES_MAX, NAMES_MAX } from './message.ts'
import { isMetricName, isSensorId } from './names.ts'
import { type NameKind, nameKind, peek, readName, readNumber, readWord, type TextCursor, take, wordOf } from './plain-json.ts'
import { QUALITIES } from './reading.ts'

/** Names in the text that was read, by position. */
export interface Spans {
  readonly start: Int32Array
  readonly end: Int32Array
  readonly hash: Int32Array
}

/** A message as it lies in its bytes. Good until the next one is read. */
export interface PlainMessage {
  readonly bytes: Uint8Array
  /** How many readings. What follows is by their position: */
  readonly count: number
  readonly sensors: Spans
  /** Epoch milliseconds, a safe integer; NaN for none. */
  readonly ts: Float64Array
  /** A safe integer of 0 or more; NaN for none. */
  readonly sequence: Float64Array
  /** Its place in `QUALITIES`; -1 for none. */
  readonly quality: Int8Array
  /** Where its metrics end among those of all. They begin where those of the reading before end, and are in the order of the text. */
  readonly metricsEnd: Int32Array
  readonly metrics: Spans
  readonly values: Float64Array
}

/** More of either is left to the parser. There are never too many names for it, and its own limits are beyond. */
const READINGS_MAX = 1_024
const METRICS_MAX = NAMES_MAX - 96
/** Each is compared with those before it. */
const METRICS_PER_READING_MAX = 64

const COMMA = 0x2c
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const READINGS = [wordOf('readings')]
const SENSOR = 0
const TS = 1
const VALUES = 2
const SEQUENCE = 3
const FIELDS = ['sensor', 'ts', 'values', 'seq', 'quality'].map(wordOf)
const REQUIRED = (1 << SENSOR) | (1 << VALUES)
const QUALITY_WORDS = QUALITIES.map(wordOf)
const sensorKind = nameKind(isSensorId)
const metricKind = nameKind(isMetricName)

type Writable<T> = { -readonly [K in keyof T]: T[K] }
type Draft = Writable<PlainMessage> & { metricCount: number }

const createSpans = (count: number): Spans => ({
  start: new Int32Array(count),
  end: new Int32Array(count),
  hash: new Int32Array(count),
})

/**
 * Reads native messages as gateways write nearly all of them, straight from their bytes: no text, no tree of objects, and what the schema asks for is
 * looked at on the way. What it takes is sound in all but its times: `JSON.parse` and the schema would say the same of it, and no key is doubled.
 *
 * @returns a function that returns undefined for what it doesn't take, sound or not: names written with escapes, very many readings, gzip, anything
 * wrong. That must be parsed, which also finds out what is wrong.
 */
export function createPlainReader(): (bytes: Uint8Array) => PlainMessage | undefined {
  const draft: Draft = {
    bytes: new Uint8Array(0),
    count: 0,
    sensors: createSpans(READINGS_MAX),
    ts: new Float64Array(READINGS_MAX),
    sequence: new Float64Array(READINGS_MAX),
    quality: new Int8Array(READINGS_MAX),
    metricsEnd: new Int32Array(READINGS_MAX),
    metrics: createSpans(METRICS_MAX),
    values: new Float64Array(METRICS_MAX),
    metricCount: 0,
  }
  const cursor: TextCursor = { bytes: draft.bytes, at: 0 }
  return (bytes) => {
    draft.bytes = bytes
    draft.count = 0
    draft.metricCount = 0
    cursor.bytes = bytes
    cursor.at = 0
    return bytes.length <= MESSAGE_BYTES_MAX && readMessage(cursor, draft) ? draft : undefined
  }
}

function readMessage(cursor: TextCursor, draft: Draft): boolean {
  if (take(cursor) !== OPEN_OBJECT || readWord(cursor, READINGS) < 0) return false
  if (take(cursor) !== COLON || take(cursor) !== OPEN_ARRAY) return false
  for (let next = COMMA; next !== CLOSE_ARRAY; next = take(cursor)) {
    if (next !== COMMA || draft.count === READINGS_MAX || !readReading(cursor, draft)) return false
  }
  if (take(cursor) !== CLOSE_OBJECT) return false
  peek(cursor)
  return cursor.at === cursor.bytes.length
}

function readReading(cursor: TextCursor, draft: Draft): boolean {
  if (take(cursor) !== OPEN_OBJECT) return false
  const index = draft.count++
  draft.ts[index] = Number.NaN
  draft.sequence[index] = Number.NaN
  draft.quality[index] = -1
  let seen = 0
  for (let next = COMMA; next !== CLOSE_OBJECT; next = take(cursor)) {
    const field = next === COMMA ? readWord(cursor, FIELDS) : -1
    if (field < 0 || (seen & (1 << field)) !== 0 || take(cursor) !== COLON) return false
    seen |= 1 << field
    peek(cursor)
    if (!readField(cursor, draft, field)) return false
  }
  draft.metricsEnd[index] = draft.metricCount
  return (seen & REQUIRED) === REQUIRED
}

function readField(cursor: TextCursor, draft: Draft, field: number): boolean {
  const index = draft.count - 1
  if (field === SENSOR) return readSpan(cursor, draft.sensors, index, sensorKind)
  if (field === VALUES) return readValues(cursor, draft)
  if (field === TS) {
    const ts = readNumber(cursor)
    draft.ts[index] = ts
    return Number.isSafeInteger(ts)
  }
  if (field === SEQUENCE) {
    const sequence = readNumber(cursor)
    draft.sequence[index] = sequence
    return Number.isSafeInteger(sequence) && sequence >= 0
  }
  const quality = readWord(cursor, QUALITY_WORDS)
  draft.quality[index] = quality
  return quality >= 0
}

function readValues(cursor: TextCursor, draft: Draft): boolean {
  if (take(cursor) !== OPEN_OBJECT) return false
  const first = draft.metricCount
  for (let next = COMMA; next !== CLOSE_OBJECT; next = take(cursor)) {
    const index = draft.metricCount
    const hasRoom = index < METRICS_MAX && index - first < METRICS_PER_READING_MAX
    if (next !== COMMA || !hasRoom) return false
    peek(cursor)
    if (!readSpan(cursor, draft.metrics, index, metricKind) || isDoubled(draft.metrics, first, index)) return false
    if (take(cursor) !== COLON) return false
    peek(cursor)
    const value = readNumber(cursor)
    if (Number.isNaN(value)) return false
    draft.values[index] = value
    draft.metricCount++
  }
  return true
}

function readSpan(cursor: TextCursor, spans: Spans, index: number, kind: NameKind): boolean {
  const start = cursor.at + 1
  const hash = readName(cursor, kind)
  spans.start[index] = start
  spans.end[index] = cursor.at - 1
  spans.hash[index] = hash
  return hash !== 0
}

/** Or perhaps: different names may share a hash. */
function isDoubled({ hash }: Spans, from: number, index: number): boolean {
  const own = hash[index]
  for (let other = from; other < index; other++) if (hash[other] === own) return true
  return false
}
