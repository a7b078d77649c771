// Goal: every reason that ingest can give is given for the fault it names, at the place where the fault is; what is sound in the same message is kept.
// Method: a table of messages for each reason, and random mixtures of sound and faulty readings.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { READINGS_MAX, VALUES_MAX } from '../../schemas/message.ts'
import { REASONS } from '../../schemas/rejection.ts'
import { manyValues, repeat, SECOND, WHOLE } from './ingest/fault-cases.ts'
import { check, messageOf, NOW_MS, placesOf, readingText } from './ingest/message.ts'

t.test('a message that is no message is refused whole, with one reason', async (t) => {
  for (const [reason, pointer, text] of WHOLE) {
    const { good, isWhole, faults } = check(text)
    t.same(
      { good, isWhole, faults: placesOf(faults) },
      { good: [], isWhole: false, faults: [[reason, pointer]] },
      `${reason} ${text.slice(0, 60)}`,
    )
  }
})

t.test('a faulty reading is refused alone, and the one before it is kept', async (t) => {
  const first = { sensor: 'press-1', ts: NOW_MS, values: { power_w: 1 } }
  for (const [reason, pointer, reading] of SECOND) {
    const { good, isWhole, faults } = check(messageOf(readingText(), reading))
    t.same(
      { good, isWhole, faults: placesOf(faults) },
      { good: [first], isWhole: false, faults: [[reason, pointer]] },
      `${reason} ${reading.slice(0, 60)}`,
    )
  }
})

t.test('every reason that ingest can give is in these tables', async (t) => {
  /** Bytes that are no text can't be written in the tables; the tests of decode-payload have them. */
  const ofBytes = ['payload.gzip-invalid', 'payload.not-utf8']
  const shown = new Set([...ofBytes, ...WHOLE.map(([reason]) => reason), ...SECOND.map(([reason]) => reason)])
  // Whose a message is, is no question of what it holds; test/flow/bridge-refusals.test.ts has those.
  const ofIngest = Object.keys(REASONS).filter((reason) => !/^(store|record|tenant|topic|gateway)\./.test(reason))
  t.same([...shown].toSorted(), ofIngest.toSorted())
})

t.test('a sound message is whole, with whatever names and values it may have', async (t) => {
  for (const text of [
    messageOf(readingText()),
    messageOf('{"sensor":"a","values":{"m":1}}'),
    messageOf(readingText({ quality: '"bad"', seq: '0' }), readingText({ seq: '9007199254740991' })),
    messageOf(readingText({ sensor: '"constructor"', values: '{"constructor":-0,"valueof":5e-324,"m":1.7976931348623157e308}' })),
    messageOf(readingText({ sensor: '"toString"' }), readingText({ sensor: '"hasOwnProperty"' })),
    messageOf(readingText({ ts: '1.764e12', values: manyValues(VALUES_MAX) })),
    messageOf(repeat(READINGS_MAX, '{"sensor":"a","values":{"m":1}}')),
    ` { "readings" : [ ${readingText()} ] }\n`,
  ]) {
    const { good, isWhole, faults } = check(text)
    t.same({ good, isWhole, faults }, { good: JSON.parse(text).readings, isWhole: true, faults: [] }, text.slice(0, 100))
  }
})

t.test('in any mixture each faulty reading has its own reason, and each sound one is kept in its order', async () => {
  const sound = fc.integer({ min: 0, max: 1_000 }).map((n) => ({ text: readingText({ values: `{"m":${n}}` }), fault: undefined }))
  const faulty = fc.constantFrom(...SECOND).map(([reason, pointer, text]) => ({ text, fault: { reason, pointer } }))
  fc.assert(
    fc.property(fc.array(fc.oneof(sound, faulty), { minLength: 1, maxLength: 12 }), (readings) => {
      const { good, isWhole, faults } = check(messageOf(...readings.map(({ text }) => text)))
      const expected = readings.flatMap(({ fault }, index) =>
        fault === undefined ? [] : [[fault.reason, fault.pointer.replace('/readings/1', `/readings/${index}`)]],
      )
      assert.deepEqual(placesOf(faults), expected)
      assert.equal(isWhole, expected.length === 0)
      assert.deepEqual(
        good,
        readings.filter(({ fault }) => fault === undefined).map(({ text }) => JSON.parse(text)),
      )
    }),
  )
})

t.test('nothing that is sent changes what all objects inherit', async (t) => {
  const before = Object.getOwnPropertyNames(Object.prototype)
  check(
    '{"__proto__":{"polluted":1},"readings":[{"__proto__":{"polluted":1},"sensor":"a","values":{"__proto__":{"polluted":1}}}]}',
  )
  check(
    messageOf('{"sensor":"a","values":{"constructor":{"prototype":{"polluted":1}}}}', readingText({ values: '{"__proto__":1}' })),
  )
  t.same(Object.getOwnPropertyNames(Object.prototype), before)
  t.notOk('polluted' in {})
})

t.test('a detail says what to do and stays short, whatever was sent', async (t) => {
  const long = 'A'.repeat(100_000)
  const texts = [`"${long}":1`, '"\\u0000\\ud800\\"\\\\\\n":1', '"Power kW":1'].map((pair) => `{${pair}}`)
  for (const values of texts) {
    const [fault] = check(messageOf(readingText({ values }))).faults
    t.match(fault?.detail, /lower-case letters/, values.slice(0, 30))
    t.ok(fault !== undefined && fault.detail.length <= 256 && fault.pointer.length <= 256)
    t.ok(fault?.detail.isWellFormed())
  }
  t.match(check(messageOf(readingText({ [long]: '1' }))).faults[0]?.detail, /must NOT have additional properties: "AAA/)
  t.match(check(messageOf(readingText({ sensor: '"press 1"' }))).faults[0]?.detail, /letters, digits, dots/)
})
