import { READINGS_MAX, VALUES_MAX } from '../../../schemas/message.ts'
import type { Reason } from '../../../schemas/rejection.ts'
import { NOW_MS, readingText, WINDOW } from './message.ts'

export type Case = readonly [reason: Reason, pointer: string, text: string]

export const repeat = (count: number, text: string): string => Array(count).fill(text).join(',')
export const manyValues = (count: number): string => `{${Array.from({ length: count }, (_, index) => `"m${index}":1`).join(',')}}`

/** Messages that are refused whole. */
export const WHOLE: readonly Case[] = [
  ['payload.empty', '', ''],
  ['payload.too-large', '', ' '.repeat(1_048_577)],
  ['payload.not-json', '', 'NaN'],
  ['payload.too-deep', '', '[[[[[[[[[]]]]]]]]]'],
  ['payload.too-many-names', '', manyValues(5_000)],
  ['payload.duplicate-key', '', '{"readings":[{"sensor":"a","values":{"m":1,"m":2}}]}'],
  ['payload.duplicate-key', '', '{"readings":[{"sensor":"a","values":{"m":1,"\\u006d":2}}]}'],
  ['payload.duplicate-key', '', '{"readings":[{"sensor":"a","sensor":"b","values":{"m":1}}]}'],
  ['payload.duplicate-key', '', '{"readings":[{"sensor":"a","values":{"m":1}}],"readings":[{"sensor":"a","values":{"m":1}}]}'],
  ['payload.duplicate-key', '', '{"readings":[{"sensor":"a","values":{"m":1,"m":2}},{"sensor":"b","values":{"m":null}}]}'],
  ['payload.duplicate-key', '', '{"readings":[{"sensor":"a","values":{"m":null,"m":2}},{"sensor":"?","values":{}}]}'],
  ['message.schema', '', '[]'],
  ['message.schema', '', 'null'],
  ['message.schema', '', '"readings"'],
  ['message.schema', '', '{}'],
  ['message.schema', '', '{"__proto__":{"readings":[{"sensor":"a","values":{"m":1}}]}}'],
  ['message.schema', '', `{"readings":[${readingText()}],"extra":1}`],
  ['message.schema', '', `{"readings":[${readingText()}],"__proto__":{}}`],
  ['message.schema', '/readings', '{"readings":{}}'],
  ['message.schema', '/readings', '{"readings":null}'],
  ['message.too-many-readings', '/readings', `{"readings":[${repeat(READINGS_MAX + 1, '0')}]}`],
  ['message.no-readings', '/readings', '{"readings":[]}'],
]

/** Readings that are refused; the pointer is as if each were the second one of its message. */
export const SECOND: readonly Case[] = [
  ['reading.schema', '/readings/1', '5'],
  ['reading.schema', '/readings/1', 'null'],
  ['reading.schema', '/readings/1', '[]'],
  ['reading.schema', '/readings/1', '{}'],
  ['reading.schema', '/readings/1', '{"sensor":"a"}'],
  ['reading.schema', '/readings/1', '{"values":{"m":1}}'],
  ['reading.schema', '/readings/1', readingText({ unit: '"W"' })],
  ['reading.schema', '/readings/1', readingText({ ['__proto__']: '{}', constructor: '1' })],
  ['reading.schema', '/readings/1', '{"__proto__":{"sensor":"a","values":{"m":1}}}'],
  ['reading.schema', '/readings/1/values', readingText({ values: '[]' })],
  ['reading.schema', '/readings/1/values', readingText({ values: 'null' })],
  ['reading.schema', '/readings/1/values', readingText({ values: manyValues(VALUES_MAX + 1) })],
  ['reading.schema', '/readings/1/quality', readingText({ quality: '"fine"' })],
  ['reading.schema', '/readings/1/seq', readingText({ seq: '-1' })],
  ['reading.schema', '/readings/1/seq', readingText({ seq: '9007199254740992' })],
  ['reading.sensor-name', '/readings/1/sensor', readingText({ sensor: '7' })],
  ['reading.sensor-name', '/readings/1/sensor', readingText({ sensor: '""' })],
  ['reading.sensor-name', '/readings/1/sensor', readingText({ sensor: '"__proto__"' })],
  ['reading.sensor-name', '/readings/1/sensor', readingText({ sensor: '"a/b"' })],
  ['reading.sensor-name', '/readings/1/sensor', readingText({ sensor: '"a\\u0000"' })],
  ['reading.sensor-name', '/readings/1/sensor', readingText({ sensor: '"a\\n"' })],
  ['reading.sensor-name', '/readings/1/sensor', readingText({ sensor: `"${'a'.repeat(129)}"` })],
  ['reading.metric-name', '/readings/1/values/Power', readingText({ values: '{"ok":1,"Power":1}' })],
  ['reading.metric-name', '/readings/1/values/', readingText({ values: '{"":1}' })],
  ['reading.metric-name', '/readings/1/values/a~1b~0c', readingText({ values: '{"a/b~c":1}' })],
  ['reading.metric-name', '/readings/1/values/__proto__', readingText({ values: '{"__proto__":1}' })],
  ['reading.metric-name', '/readings/1/values/toString', readingText({ values: '{"toString":1}' })],
  ['reading.metric-name', '/readings/1/values', readingText({ values: '{"m\\ud800":1}' })],
  ['reading.metric-name', '/readings/1/values/m\n', readingText({ values: '{"m\\n":1}' })],
  ['reading.metric-name', '/readings/1/values', readingText({ values: `{"${'a'.repeat(200)}":1}` })],
  ['reading.no-values', '/readings/1/values', readingText({ values: '{}' })],
  ['reading.value', '/readings/1/values/m', readingText({ values: '{"m":"1"}' })],
  ['reading.value', '/readings/1/values/m', readingText({ values: '{"k":1,"m":null}' })],
  ['reading.value', '/readings/1/values/m', readingText({ values: '{"m":true}' })],
  ['reading.value', '/readings/1/values/m', readingText({ values: '{"m":1e400}' })],
  ['reading.value', '/readings/1/values/m', readingText({ values: '{"m":-1e400}' })],
  ['reading.value', '/readings/1/values/constructor', readingText({ values: '{"constructor":{}}' })],
  ['reading.time', '/readings/1/ts', readingText({ ts: '"2025-11-24T16:00:00Z"' })],
  ['reading.time', '/readings/1/ts', readingText({ ts: '1764000000000.5' })],
  ['reading.time', '/readings/1/ts', readingText({ ts: '1e400' })],
  ['reading.time', '/readings/1/ts', readingText({ ts: 'null' })],
  ['time.in-seconds', '/readings/1/ts', readingText({ ts: '1764000000' })],
  ['time.clock-not-set', '/readings/1/ts', readingText({ ts: '-0' })],
  ['time.too-old', '/readings/1/ts', readingText({ ts: String(NOW_MS - WINDOW.retentionMs - 1) })],
  ['time.too-far-ahead', '/readings/1/ts', readingText({ ts: '1e300' })],
]
