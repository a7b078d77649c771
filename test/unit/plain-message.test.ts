// Goal: a message that is read straight from its bytes means what the parser and the schema would say, to the bit, and nothing unsound is taken.
// Method: random sound messages, with any order of keys and any white space, and the same with bytes changed at random, against `decodePayload`
// and `checkMessage`; numbers and names against `JSON.parse` and the rules of names.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { checkMessage } from '../../ingest/check-message.ts'
import { decodePayload } from '../../ingest/decode-payload.ts'
import { receive } from '../../ingest/receive.ts'
import type { Point } from '../../platform/ports/time-series.ts'
import { MESSAGE_BYTES_MAX } from '../../schemas/message.ts'
import { isMetricName, isSensorId } from '../../schemas/names.ts'
import { nameKind, readName, readNumber } from '../../schemas/plain-json.ts'
import { createPlainReader } from '../../schemas/plain-message.ts'
import { QUALITIES } from '../../schemas/reading.ts'
import { plainPoints } from '../../stream-processors/plain-points.ts'
import { bytesOf, FROM, messageOf, NOW_MS, readingText, WINDOW } from './ingest/message.ts'

const RECEIPT = { tenant: 'acme', receivedMs: NOW_MS }
/** Any time at all is right: what is compared is the form. */
const ALWAYS = { retentionMs: Number.POSITIVE_INFINITY, aheadMs: Number.POSITIVE_INFINITY }
/** Earlier ones are refused whatever the window. */
const CLOCK_SET_MS = Date.UTC(2001, 0, 1)
const readPlain = createPlainReader()

const digits = (max: number): fc.Arbitrary<string> => fc.stringMatching(new RegExp(`^[0-9]{1,${max}}$`))
/** JSON's grammar of a number, and what is nearly one. */
const numberText = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? '-0' : String(value))),
  fc.integer().map(String),
  fc
    .tuple(
      fc.constantFrom('', '-'),
      digits(20),
      fc.option(digits(20)),
      fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-'), digits(3))),
    )
    .map(
      ([sign, whole, fraction, exponent]) =>
        `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent?.join('') ?? ''}`,
    ),
  fc.constantFrom(
    '0',
    '-0',
    '0.0',
    '-0.0',
    '1e5',
    '1e400',
    '-1e400',
    '1e-400',
    '01',
    '1.',
    '.5',
    '-',
    '+1',
    '1e',
    '1e+',
    'NaN',
    '0x1',
    '5e-324',
  ),
  fc.constantFrom(
    '999999999999999',
    '9999999999999999',
    '9007199254740993',
    '0.1',
    '0.30000000000000004',
    '123456789.123456',
    '0.000000000000001',
  ),
)
const isJson = (text: string): boolean => {
  try {
    return typeof JSON.parse(text) === 'number'
  } catch {
    return false
  }
}
const soundNumber = numberText.filter((text) => isJson(text) && Number.isFinite(JSON.parse(text)))

const space = fc.constantFrom('', '', ' ', '\n  ', '\t\r\n')
const sensor = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,12}$/)
const metrics = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/), { minLength: 1, maxLength: 6 })
const values = fc
  .tuple(metrics, fc.array(soundNumber, { minLength: 6, maxLength: 6 }), space)
  .map(
    ([names, numbers, gap]) =>
      `{${gap}${names.map((name, index) => `"${name}"${gap}:${gap}${numbers[index]}`).join(`${gap},${gap}`)}${gap}}`,
  )
const reading = fc
  .tuple(
    fc.record(
      {
        sensor: sensor.map((text) => JSON.stringify(text)),
        values,
        ts: fc.oneof(fc.integer({ min: CLOCK_SET_MS, max: Number.MAX_SAFE_INTEGER }).map(String), fc.constant('1764000000000.0')),
        quality: fc.constantFrom(...QUALITIES).map((text) => JSON.stringify(text)),
        seq: fc.maxSafeNat().map(String),
      },
      { requiredKeys: ['sensor', 'values'], noNullPrototype: true },
    ),
    fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
    space,
  )
  .map(([fields, order, gap]) => {
    const pairs = Object.entries(fields).map(([key, text], index) => [order[index] ?? 0, `"${key}"${gap}:${gap}${text}`] as const)
    const sorted = pairs.toSorted(([left], [right]) => left - right).map(([, text]) => text)
    return `{${gap}${sorted.join(`${gap},${gap}`)}${gap}}`
  })
const message = fc
  .tuple(fc.array(reading, { minLength: 1, maxLength: 5 }), space)
  .map(([readings, gap]) => `${gap}{${gap}"readings"${gap}:${gap}[${gap}${readings.join(`${gap},${gap}`)}${gap}]${gap}}${gap}`)

/** What the parser and the schema make of it; undefined where they find any fault. */
function parsed(bytes: Uint8Array) {
  const result = decodePayload(bytes)
  if (!result.ok) return undefined
  const { good, isWhole } = checkMessage(result.decoded, NOW_MS, ALWAYS)
  if (!isWhole) return undefined
  const points: readonly Point[] = good.map(({ sensor, ts, quality, seq, values }) => ({
    ...RECEIPT,
    sensor,
    timestampMs: ts ?? NOW_MS,
    timeSource: ts === undefined ? 'receipt' : 'device',
    values: new Map(Object.entries(values)),
    ...(quality !== undefined && { quality }),
    ...(seq !== undefined && { sequence: seq }),
  }))
  return inOrder(points)
}

/** Maps are equal whatever the order of their keys. */
const inOrder = (points: readonly Point[]) => points.map(({ values, ...rest }) => ({ ...rest, values: [...values] }))

t.test('a sound message is taken, and means what the parser says', async () => {
  fc.assert(
    fc.property(message, (text) => {
      const points = plainPoints(bytesOf(text), RECEIPT)
      assert.ok(points !== undefined, 'it is taken')
      assert.deepStrictEqual(inOrder(points), parsed(bytesOf(text)))
    }),
    { numRuns: 2_000 },
  )
})

const change = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  kind: fc.constantFrom('drop', 'put', 'swap'),
  byte: fc.oneof(fc.constantFrom(...Buffer.from('{}[]",:\\0.-eE \n')), fc.nat(255)),
})

t.test('a message with bytes changed is taken only when the parser takes it, for the same', async (t) => {
  let taken = 0
  fc.assert(
    fc.property(message, fc.array(change, { minLength: 1, maxLength: 2 }), (text, changes) => {
      const bytes = [...bytesOf(text)]
      for (const { at, kind, byte } of changes) {
        const index = Math.floor(at * bytes.length)
        bytes.splice(index, kind === 'put' ? 0 : 1, ...(kind === 'drop' ? [] : [byte]))
      }
      const points = plainPoints(Buffer.from(bytes), RECEIPT)
      if (points === undefined) return
      taken++
      const isTooEarly = points.some(({ timestampMs }) => timestampMs < CLOCK_SET_MS)
      if (!isTooEarly) assert.deepStrictEqual(inOrder(points), parsed(Buffer.from(bytes)))
    }),
    { numRuns: 10_000 },
  )
  t.ok(taken > 500, `${taken} of them were taken`)
})

t.test('a number is what JSON.parse says, to the bit', async () => {
  fc.assert(
    fc.property(numberText, fc.constantFrom('', ',', '}', ' '), (text, behind) => {
      const cursor = { bytes: Buffer.from(text + behind), at: 0 }
      const value = readNumber(cursor)
      const isWhole = cursor.at === text.length && !Number.isNaN(value)
      const expected = isJson(text) ? JSON.parse(text) : Number.NaN
      if (Number.isFinite(expected)) assert.ok(isWhole && Object.is(value, expected), `${text} is ${value}`)
      else assert.ok(!isWhole, `${text} is no number`)
    }),
    { numRuns: 20_000 },
  )
})

t.test('a name is what its rule says, for each character and length', async (t) => {
  for (const isName of [isSensorId, isMetricName]) {
    const kind = nameKind(isName)
    const isRead = (text: string): boolean => {
      const bytes = Buffer.from(`"${text}"`)
      const cursor = { bytes, at: 0 }
      return readName(cursor, kind) !== 0 && cursor.at === bytes.length
    }
    for (let code = 0; code < 0x180; code++) {
      const character = String.fromCharCode(code)
      for (const text of [character, `a${character}`, `a${character}b`])
        if (isRead(text) !== isName(text)) t.fail(`${JSON.stringify(text)} is ${isName(text)}`)
    }
    for (let length = 0; length < 200; length++) t.equal(isRead('a'.repeat(length)), isName('a'.repeat(length)), `${length}`)
  }
})

const many = (count: number): string => Array.from({ length: count }, (_, index) => `"m${index}":${index}`).join(',')
const left: Readonly<Record<string, string>> = {
  'a doubled metric': messageOf(readingText({ values: '{"m":1,"m":2}' })),
  'a doubled field': messageOf('{"sensor":"s","ts":1764000000000,"ts":1764000000000,"values":{"m":1}}'),
  'a name with an escape': messageOf(readingText({ values: '{"\\u006d":1}' })),
  'an unknown field': messageOf('{"sensor":"s","values":{"m":1},"unit":"W"}'),
  'a value that is null': messageOf(readingText({ values: '{"m":null}' })),
  'a value beyond float64': messageOf(readingText({ values: '{"m":1e400}' })),
  'no readings': '{"readings":[]}',
  'no values': messageOf(readingText({ values: '{}' })),
  'no sensor': messageOf('{"values":{"m":1}}'),
  'a negative sequence': messageOf('{"sensor":"s","seq":-1,"values":{"m":1}}'),
  'an unknown quality': messageOf('{"sensor":"s","quality":"best","values":{"m":1}}'),
  'a time that is no integer': messageOf(readingText({ ts: '1764000000000.5' })),
  'a comma too many': '{"readings":[{"sensor":"s","values":{"m":1}},]}',
  'something behind it': `${messageOf(readingText({}))} 1`,
  nothing: '',
}
for (const [name, text] of Object.entries(left))
  t.test(`is left to the parser: ${name}`, async (t) => t.equal(readPlain(bytesOf(text)), undefined))

const large: Readonly<Record<string, string>> = {
  'more metrics in a reading': messageOf(readingText({ values: `{${many(65)}}` })),
  'more readings': messageOf(...Array<string>(1_025).fill(readingText({}))),
  'more metrics in all': messageOf(...Array<string>(80).fill(readingText({ values: `{${many(60)}}` }))),
}
for (const [name, text] of Object.entries(large))
  t.test(`${name} than it has room for are left to the parser, and are sound`, async (t) => {
    t.equal(readPlain(bytesOf(text)), undefined)
    t.same(receive(FROM, bytesOf(text), NOW_MS, WINDOW).faults, [])
  })

t.test('a sound message that is padded past the limit is refused for its size', async (t) => {
  const text = messageOf(readingText({}))
  const padded = (bytes: number): Buffer => Buffer.concat([bytesOf(text), Buffer.alloc(bytes - text.length, ' ')])
  t.ok(readPlain(padded(MESSAGE_BYTES_MAX)))
  t.match(receive(FROM, padded(MESSAGE_BYTES_MAX + 1), NOW_MS, WINDOW).faults, [{ reason: 'payload.too-large' }])
})

t.test('a message cut off anywhere is left to the parser', async (t) => {
  const bytes = bytesOf(messageOf(readingText({}), readingText({})))
  for (let end = 0; end < bytes.length; end++) if (readPlain(bytes.subarray(0, end)) !== undefined) t.fail(`at ${end}`)
  t.ok(readPlain(bytes))
})
